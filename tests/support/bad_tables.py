"""Tables by the clause about them that they break or keep: what a name says is all that is odd about one.

``1.png`` and ``2.png`` are images of 9 x 9 beside the table; `GREY` and `RGB` are those that a table may hold itself.
"""

import gzip
import json
from collections.abc import Mapping
from typing import Final

Content = str | bytes

HEAD: Final = "label,location\n"
GOOD: Final = "b,2.png\n"
GREY: Final = [[0, 255], [7, 8]]
RGB: Final = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [255, 0, 255]]]
DEEP: Final = 200_000
DIGITS: Final = "9" * 5000
_grey: Final = json.dumps(GREY)
_rgb: Final = json.dumps(RGB)
_crlf: Final = (HEAD + f"a,1.png\n\nb,{_grey}\n").replace("\n", "\r\n")

READ: Final[Mapping[str, tuple[str, Content, list[str]]]] = {
    "single quotes": ("t.csv", HEAD + "'a','1.png'\n'b','2.png'\n", ["a", "b"]),
    "a blank after the comma": ("t.csv", "label, location\na, 1.png\nb, 2.png\n", ["a", "b"]),
    "quotes after a blank": ("t.csv", "\"label\", 'location'\n\"a\", \"1.png\"\n'b', '2.png'\n", ["a", "b"]),
    "an unquoted array last": ("t.csv", HEAD + f"a,{_grey}\nb,{_rgb}\n", ["a", "b"]),
    "an unquoted array first": ("t.csv", f"location,label\n{_grey},a\n{_rgb},b\n", ["a", "b"]),
    "an unquoted array in the middle": ("t.csv", f"label,location,colour\na,{_grey},red\n", ["a"]),
    "an array with blanks": ("t.csv", HEAD + "a, [ [0, 255], [7, 8] ]\n", ["a"]),
    "arrays in all quotes": ("t.csv", HEAD + f"a,{_grey}\nb,\"{_rgb}\"\nc,'{_grey}'\nd,1.png\n", ["a", "b", "c", "d"]),
    "an array over two lines": ("t.csv", HEAD + 'a,"[[0,255],\n[7,8]]"\nb,2.png\n', ["a", "b"]),
    "an array of one channel": ("t.csv", HEAD + "a,[[[0],[255]],[[7],[8]]]\n", ["a"]),
    "an array in JSON": ("t.json", f'[{{"label":"a","location":{_rgb}}}]', ["a"]),
    "an array as text in JSON": ("t.jsonl", f'{{"label":"a","location":"{_rgb}"}}\n', ["a"]),
    "BOM and CRLF": ("t.csv", b"\xef\xbb\xbf" + _crlf.encode(), ["a", "b"]),
    "BOM before a quote": ("t.csv", b'\xef\xbb\xbf"label","location"\r\n"a","1.png"\r\n', ["a"]),
    "BOM in JSON": ("t.json", b'\xef\xbb\xbf[\r\n{"label":"a","location":"1.png"}\r\n]', ["a"]),
    "BOM in JSON Lines": ("t.jsonl", b'\xef\xbb\xbf{"label":"a","location":"1.png"}\r\n\r\n', ["a"]),
    "gzip": ("t.csv.gz", gzip.compress(_crlf.encode()), ["a", "b"]),
    "tabs": ("t.tsv", f"label\tlocation\na b\t1.png\nb\t{_grey}\n", ["a b", "b"]),
    "no newline at the end": ("t.csv", HEAD + "a,1.png", ["a"]),
    "blank lines": ("t.csv", "\n\n" + HEAD + "\n  \na,1.png\n\n", ["a"]),
    "a head in capitals": ("t.csv", "LABEL,Location\na,1.png\n", ["a"]),
    "an empty column": ("t.csv", "label,location,\na,1.png,\n", ["a"]),
    "quotes inside": ("t.csv", HEAD + '"a ""b""",1.png\nO\'Brien,1.png\n5",1.png\n', ['a "b"', "O'Brien", '5"']),
    "a comma in a label": ("t.csv", HEAD + '"a, b",1.png\n', ["a, b"]),
    "labels that are numbers": ("t.csv", HEAD + "05,1.png\n1,1.png\n1.0,1.png\n-1,1.png\n", ["05", "1", "1.0", "-1"]),
    "words in quotes": ("t.csv", HEAD + "'NaN',1.png\n\"true\",1.png\n", ["NaN", "true"]),
    "an emoji": ("t.csv", HEAD + "🍎,1.png\n", ["🍎"]),
    "an emoji in two escapes": ("t.json", '[{"label":"\\ud83c\\udf4e","location":"1.png"}]', ["🍎"]),
    "a label of a thousand letters": ("t.csv", HEAD + "x" * 1000 + ",1.png\n", ["x" * 1000]),
    "one name in two forms": ("t.csv", HEAD + "e\u0301,1.png\n\u00e9,2.png\n", ["e\u0301", "\u00e9"]),
    "single quotes in JSON": (
        "t.json", "[\n  {'label': 'a', 'location': '1.png' },\n  {'label': 'b', 'location': '1.png'}\n]", ["a", "b"]),
    "single quotes in a line": ("t.jsonl", "{'label': 'a', 'location': '1.png'}\n", ["a"]),
    "single and double quotes": ("t.json", "[{'label': \"it's\", \"location\": '1.png', 'x': [None, True]}]", ["it's"]),
    "quotes in single quotes": ("t.json", "[{'label': 'it\\'s', 'location': '1.png', 'x': 'say \"[{\"'}]", ["it's"]),
    "a single quote written twice": ("t.jsonl", "{'label': 'it''s', 'location': '1.png', 'x': ''}", ["it's"]),
    "pixels in single quotes": (
        "t.json", f"[{{'label': 'a', 'location': '{_rgb}'}}, {{'label': 'b', 'location': {_rgb}}}]", ["a", "b"]),
    "brackets in a text": ("t.json", f'[{{"label":"a","location":"1.png","x":"{"[" * DEEP}"}}]', ["a"]),
    "one key in two objects": ("t.json", '[{"label":"a","location":"1.png","m":{"x":1},"n":{"x":2}}]', ["a"]),
}  # fmt: skip

NO_JSON: Final = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "True", "None", "undefined", "01", "0x1", "+1", ".5",
)  # fmt: skip
# name -> (file, content, line)
REFUSED: Final[Mapping[str, tuple[str, Content, int]]] = {
    **{f"CSV in {code}": ("t.csv", (HEAD + "a,1.png\n").encode(code), 1) for code in (
        "utf-16", "utf-16-le", "utf-16-be", "utf-32")},
    **{f"JSON in {code}": ("t.json", '[{"label":"a","location":"1.png"}]'.encode(code), 1) for code in (
        "utf-16", "utf-16-le", "utf-16-be", "utf-32")},
    "JSON Lines in UTF-16": ("t.jsonl", '{"label":"a","location":"1.png"}'.encode("utf-16"), 1),
    "Latin-1 in a label": ("t.csv", HEAD.encode() + b"a,1.png\ncaf\xe9,1.png\n", 3),
    "Latin-1 in a location": ("t.csv", HEAD.encode() + b"a,caf\xe9.png\n", 2),
    "Latin-1 in the head": ("t.csv", b"caf\xe9,label,location\nx,a,1.png\n", 1),
    "Latin-1 in JSON": ("t.json", b'[\n{"label":"caf\xe9","location":"1.png"}]', 2),
    "half a character in UTF-8": ("t.csv", HEAD.encode() + b"a\xed\xa0\x80,1.png\n", 2),
    "NUL in a label": ("t.csv", HEAD + "a\0b,1.png\n", 2),
    "NUL in the head": ("t.csv", "label\0,location\na,1.png\n", 1),
    "NUL bytes at the end": ("t.csv", HEAD + "a,1.png\n" + "\0" * 5000, 3),
    "carriage returns alone": ("t.csv", HEAD.replace("\n", "\r") + "a,1.png\r", 1),
    "a picture": ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), 1),
    "a short row": ("t.csv", HEAD + "a,1.png\n\nb\n", 4),
    "a short row of three": ("t.csv", "label,location,x\na,1.png\n", 2),
    "a long row": ("t.csv", HEAD + "a,1.png,red\n", 2),
    "a comma at the end": ("t.csv", HEAD + "a,1.png,\n", 2),
    "a quote open at the start": ("t.csv", HEAD + '"a,1.png\n' + GOOD * 50_000, 2),
    "a quote open in the middle": ("t.csv", HEAD + GOOD * 20_000 + 'b,"2.png\n' + GOOD * 20_000, 20_002),
    "a quote open at the end": ("t.csv", HEAD + GOOD * 20_000 + '"a,1.png', 20_002),
    "a quote open in the head": ("t.csv", '"label,location\na,1.png\n', 1),
    "a quote open before another": ("t.csv", HEAD + '"a,1.png\n"b",2.png\n', 2),
    "a single quote open": ("t.csv", HEAD + "'a,1.png\n" + GOOD, 2),
    "an array without its end": ("t.csv", HEAD + "a,[[1,2],[3,4]\n", 2),
    "no label in the head": ("t.csv", "kind,location\na,1.png\n", 1),
    "no location in the head": ("t.csv", "label,path\na,1.png\n", 1),
    "semicolons": ("t.csv", "label;location\na;1.png\n", 1),
    "a column twice": ("t.csv", "label,location,Label\na,1.png,b\n", 1),
    "an empty file": ("t.csv", "", 1),
    "a BOM alone": ("t.csv", b"\xef\xbb\xbf\r\n", 1),
    **{f"class {name!r}": ("t.csv", HEAD + f'"{name}",1.png\n', 2) for name in (
        "a/b", "..", ".", "/", "a\nb", "a\tb", "a\x01", "a\x7f", "\x1b[31m")},
    "class 'a/b' in JSON": ("t.json", '[\n{"label":"a/b","location":"1.png"}]', 2),
    "class with NUL in JSON": ("t.json", '[{"label":"a\\u0000","location":"1.png"}]', 1),
    "a single quote that is not closed": ("t.json", "[\n{'label':'a','location':'1.png}]", 2),
    "a single quote that is not closed in a line": ("t.jsonl", "\n{'label':'a,'location':'1.png'}", 2),
    "single quotes and NaN": ("t.json", "[\n{'label':'a','location':'1.png','x':NaN}]", 2),
    "single quotes and a key twice": ("t.json", "[\n{'label':'a','label':'b','location':'1.png'}]", 2),
    "a key twice in both quotes": ("t.jsonl", "{'label':'a',\"label\":'a','location':'1.png'}", 1),
    "single quotes 200,000 deep": ("t.json", "[{'label':'a','x':" + "[" * DEEP + "]" * DEEP + "}]", 1),
    "single quotes 200,000 deep in a line": ("t.jsonl", "{'label':'a','x':" + "[" * DEEP + "]" * DEEP + "}", 1),
    "single quotes and 5,000 digits": ("t.json", "[{'label':'a','location':'1.png','x':" + "9" * 5000 + "}]", 1),
    "single quotes and rows left out": ("t.json", "[\n{'label':'a','location':'1.png'}\n...\n]", 3),
    "single quotes and a call": ("t.json", "[{'label':'a','location':str('1.png')}]", 1),
    "single quotes and a comma at the end": ("t.jsonl", "{'label':'a','location':'1.png',}", 1),
    "only single quotes": ("t.json", "[{" + "'" * DEEP + "}]", 1),
    **{f"JSON with {word}": ("t.json", f'[\n{{"label":"a","location":"1.png","x":{word}}}]', 2) for word in NO_JSON},
    **{f"JSON with {word} further in": ("t.json", f'[{{"label":"a","location":"1.png","x":{{"y":[{word}]}}}}]', 1)
       for word in NO_JSON},
    "JSON with NaN as label": ("t.json", '[{"label":NaN,"location":"1.png"}]', 1),
    "JSON with NaN as pixel": ("t.json", '[{"label":"a","location":[[NaN]]}]', 1),
    "a key twice": ("t.json", '[{"label":"a","label":"b","location":"1.png"}]', 1),
    "a key twice by escapes": ("t.json", '[{"label":"a","\\u006cabel":"b","location":"1.png"}]', 1),
    "a key twice further in": ("t.json", '[{"label":"a","location":"1.png","m":{"x":1,"x":2}}]', 1),
    "a key twice in a line": ("t.jsonl", '\n{"label":"a","label":"a","location":"1.png"}', 2),
    "arrays 200,000 deep": ("t.json", '[{"label":"a","location":' + "[" * DEEP + "]" * DEEP + "}]", 1),
    "objects 200,000 deep": ("t.json", '[{"label":"a","x":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}]", 1),
    "arrays 200,000 deep at the top": ("t.json", "[" * DEEP + "]" * DEEP, 1),
    "arrays 200,000 deep and open": ("t.json", "[" * DEEP, 1),
    "arrays 200,000 deep in a line": ("t.jsonl", '{"label":"a","x":' + "[" * DEEP + "]" * DEEP + "}", 1),
    "objects 200,000 deep in a line": ("t.jsonl", '{"label":"a","x":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}", 1),
    **{f"5,000 digits as {where}": ("t.json", f"[{{{value}}}]", 1) for where, value in {
        "label": f'"label":{DIGITS},"location":"1.png"',
        "value": f'"label":"a","location":"1.png","x":{DIGITS}',
        "value below 0": f'"label":"a","location":"1.png","x":-{DIGITS}',
        "fraction": f'"label":"a","location":"1.png","x":0.{DIGITS}',
        "pixel": f'"label":"a","location":[[{DIGITS}]]',
    }.items()},
    "a comma at the end of an array": ("t.json", '[{"label":"a","location":"1.png"},]', 1),
    "a comma at the end of an object": ("t.json", '[{"label":"a","location":"1.png",}]', 1),
    "a comment": ("t.json", '[ // pets\n{"label":"a","location":"1.png"}]', 1),
    "half of a character": ("t.json", '[{"label":"\\ud800","location":"1.png"}]', 1),
    "a line break in a text": ("t.json", '[{"label":"a\nb","location":"1.png"}]', 1),
    **{f"JSON that is {text}": ("t.json", text, 1) for text in (
        "1", '"a"', "null", '{"label":"a","location":"1.png"}', '[["a","1.png"]]', "[1]", "[{}]", "[", '[{"label":"a"',
    )},
    "an object and a list": ("t.json", '[{"label":"a","location":"1.png"},\n["b","2.png"]]', 2),
    "a key missing": ("t.json", '[{"label":"a","location":"1.png"},\n{"label":"a"}]', 2),
    "something after the array": ("t.json", "[]\n[]", 1),
    "a bad line": ("t.jsonl", '{"label":"a","location":"1.png"}\n{bad}\n', 2),
    "a line that is a list": ("t.jsonl", '{"label":"a","location":"1.png"}\n[1]\n', 2),
    "two objects in a line": ("t.jsonl", '{"label":"a","location":"1.png"}{"label":"a","location":"1.png"}\n', 1),
    "an array in JSON Lines": ("t.jsonl", '[{"label":"a","location":"1.png"}]', 1),
}  # fmt: skip

LABELS: Final[Mapping[str, tuple[str, Content]]] = {
    **{f"CSV label {text!r}": ("t.csv", HEAD + f"{text},1.png\n" + GOOD) for text in (
        "", '""', "''", "  ", "\u00a0", "NaN", "nan", "NAN", "-nan", "True", "true", "FALSE", "false")},
    **{f"JSON label {text}": ("t.json", f'[{{"label":{text},"location":"1.png"}},{{"label":"b","location":"2.png"}}]')
       for text in ("null", '""', '" "', "true", "false", "1.5", "1.0", "[]", '["a"]', "{}")},
}  # fmt: skip

PIXELS: Final = (
    "[[1,2],[3]]", "[[1,[2]],[3,4]]", "[[1],2]", "[[256,2]]", "[[-1,2]]", "[[1e3,2]]", "[[1e2,2]]", "[[3.7]]",
    "[[3.0]]", '[["12"]]', "[[true,1]]", "[[true,false]]", "[[null,1]]", "[]", "[[]]", "[[[]]]", "[[],[]]", "[1,2]",
    "[[[[1,2,3]]]]", "[[[1,2]]]", "[[[1,2,3,4]]]", "[[[1,2,3,4,5]]]", "[[18446744073709551616,1]]",
    "[[9223372036854775808,-1]]", "[" * 50 + "1" + "]" * 50,
)  # fmt: skip
PIXELS_OF_CSV: Final = (
    "[[NaN,1]]", "[[Infinity,1]]", "[[1e999]]", f"[[{DIGITS}]]", "[[012]]", "[[0x1]]", "[[1 2] [3 4]]", "[[1,2],]",
    "[" * DEEP + "1" + "]" * DEEP,
)  # fmt: skip

LOCATIONS: Final = (
    "../../etc/passwd", "../canary.png", "x/../../canary.png", "..", "/etc/passwd", "//etc/passwd", "/dev/zero",
    "~/x.png", "C:\\x.png", "C:/x.png", "\\\\host\\x.png", "out.png", "up/canary.png", "around/1.png", "nowhere.png",
    "1.png/x.png", ".", "x" * 5000, "file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "ftp://host/1.png",
    "data:image/png;base64,AAAA", "javascript:1",
)  # fmt: skip
