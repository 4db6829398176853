"""Speed measurements; timing never decides a test."""
