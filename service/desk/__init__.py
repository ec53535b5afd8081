"""What subjects are owed: their report, an answer to an objection, repair, and erasure where law orders it."""
