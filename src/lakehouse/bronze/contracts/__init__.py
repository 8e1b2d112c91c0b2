"""The contract of each dataset, a module for each family of them."""
