"""The adapter in the shape of a regional SME financing platform such as 'Pingxintong' 评信通."""
