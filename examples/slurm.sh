#!/bin/bash
# A meta-training on several GPUs of several machines: sbatch examples/slurm.sh [CONFIG]
# Submit it again with the same CONFIG to go on where it was stopped or killed.
#SBATCH --job-name=lpg
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
# Five minutes before the time is over, and when the job is cancelled, every process gets SIGTERM and writes a checkpoint.
#SBATCH --signal=TERM@300

config=${1:-paper}
folder=runs/$(basename "$config" .json)  # on a file system that all machines see
resume=()
[ -f "$folder/config.json" ] && resume=(--resume)

# One process for each GPU; they find each other through Slurm. On machines without GPUs: one process for each machine
# (--ntasks-per-node=1, no --gpus-per-node), whose cores are its devices.
srun lpg meta-train "$config" --out "$folder" "${resume[@]}"
