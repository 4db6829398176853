"""One page for the whole reproduction."""
