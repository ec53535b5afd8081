"""Fields of a JSON answer, one a line: ``python3 get.py grade reasons.0.words.zh < answer.json``."""

import json
import sys

found = json.load(sys.stdin)
for name in sys.argv[1:]:
    one = found
    for part in name.split("."):
        one = one[int(part)] if isinstance(one, list) else one[part]
    print(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
