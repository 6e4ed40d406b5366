"""A batch -> its outcome: sent whole, and taken apart down to the bad row if need be."""
