# Flattens one JSON document into lines "path<TAB>value": {"a":{"b":["x"]}} gives "/a/b/0<TAB>x". Used by apply.
# In values (and keys) a backslash, newline and tab are written \\ \n \t, so that a value is always one line and
# printf %b gives it back. Ends with status 1, printing nothing, when the document is not whole.
{ text = text $0 "\n" }

END {
  position = 1
  total = length(text)
  if (!value("")) exit 1
  blanks()
  if (position <= total) exit 1
  printf "%s", out
}

function blanks() {
  while (position <= total && index(" \t\r\n", substr(text, position, 1))) position++
}

function value(path,    first, word) {
  blanks()
  first = substr(text, position, 1)
  if (first == "{") return object(path)
  if (first == "[") return array(path)
  if (first == "\"") {
    if (!string()) return 0
    out = out path "\t" parsed "\n"
    return 1
  }
  if (!match(substr(text, position, 40), /^[-+.0-9A-Za-z]+/)) return 0
  word = substr(text, position, RLENGTH)
  position += RLENGTH
  if (word != "null") out = out path "\t" word "\n"
  return 1
}

function object(path,    key) {
  position++
  blanks()
  if (substr(text, position, 1) == "}") { position++; return 1 }
  while (position <= total) {
    blanks()
    if (substr(text, position, 1) != "\"" || !string()) return 0
    key = parsed
    blanks()
    if (substr(text, position, 1) != ":") return 0
    position++
    # A slash in a key would look like another level: such keys are kept apart by a colon.
    gsub("/", ":", key)
    if (!value(path "/" key)) return 0
    blanks()
    if (substr(text, position, 1) == ",") { position++; continue }
    if (substr(text, position, 1) == "}") { position++; return 1 }
    return 0
  }
  return 0
}

function array(path,    count) {
  position++
  blanks()
  if (substr(text, position, 1) == "]") { position++; return 1 }
  count = 0
  while (position <= total) {
    if (!value(path "/" count++)) return 0
    blanks()
    if (substr(text, position, 1) == ",") { position++; continue }
    if (substr(text, position, 1) == "]") { position++; return 1 }
    return 0
  }
  return 0
}

# Reads the string at position into the global "parsed", run by run rather than letter by letter (emulated CPUs).
function string(    rest, run, letter) {
  position++
  parsed = ""
  rest = substr(text, position)
  while (match(rest, /["\\]/)) {
    run = substr(rest, 1, RSTART - 1)
    parsed = parsed run
    letter = substr(rest, RSTART, 1)
    if (letter == "\"") { position += RSTART; return 1 }
    letter = substr(rest, RSTART + 1, 1)
    if (letter == "u") {
      parsed = parsed unicode(substr(rest, RSTART + 2, 4), substr(rest, RSTART + 6, 6))
      position += RSTART + 5 + extra
      rest = substr(rest, RSTART + 6 + extra)
      continue
    }
    if (letter == "\\") parsed = parsed "\\\\"
    else if (letter == "n") parsed = parsed "\\n"
    else if (letter == "t") parsed = parsed "\\t"
    else if (letter == "r") parsed = parsed "\\r"
    else if (letter == "/" || letter == "\"") parsed = parsed letter
    else if (letter != "b" && letter != "f") return 0
    position += RSTART + 1
    rest = substr(rest, RSTART + 2)
  }
  return 0
}

# UTF-8 of \uXXXX; "after" may hold the second half of a surrogate pair, then "extra" is its length.
function unicode(digits, after,    code, low) {
  extra = 0
  code = hex(digits)
  if (code >= 55296 && code < 56320 && substr(after, 1, 2) == "\\u") {
    low = hex(substr(after, 3, 4))
    code = 65536 + (code - 55296) * 1024 + (low - 56320)
    extra = 6
  }
  if (code == 0) return ""
  if (code == 10) return "\\n"
  if (code == 92) return "\\\\"
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return octets(192 + int(code / 64), 128 + code % 64)
  if (code < 65536) return octets(224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
  return octets(240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}

# Bytes above 127 go out as octal escapes for printf %b: awk may not be able to hold them as letters.
function octets(a, b, c, d,    result) {
  result = sprintf("\\0%03o\\0%03o", a, b)
  if (c != "") result = result sprintf("\\0%03o", c)
  if (d != "") result = result sprintf("\\0%03o", d)
  return result
}

function hex(digits,    i, n) {
  n = 0
  digits = tolower(digits)
  for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
  return n
}
