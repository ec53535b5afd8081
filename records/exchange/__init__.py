"""How batches travel: pushed over REST, dropped into a watched folder, pulled from a source's database.

Whatever the way, ``RecordBase.append`` is the door; its ``batch_key`` makes every repetition harmless.
"""
