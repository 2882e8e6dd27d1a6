# The subset of #cloud-config that the guest knows, from YAML in block style: hostname, ssh_authorized_keys, runcmd (text
# or one-line lists) and write_files (path, content, permissions, append). Used by user-data. -v work=DIRECTORY.
# Prints settings, a line each: "hostname X", "key X", "file N MODE APPEND PATH", "unknown KEY"; the contents of files go to
# DIRECTORY/files/N and the commands to DIRECTORY/runcmd.
BEGIN { files = 0; commands = work "/runcmd"; printf "" > commands }

{ sub(/\r$/, "") }

# Inside a "|" or ">" block: lines further in than the key belong to it, the first one gives the indentation.
block_of >= 0 && in_block {
  if ($0 ~ /^ *$/) { held = held "\n"; next }
  match($0, /^ */)
  if (RLENGTH > block_of) {
    if (block_indent == 0) block_indent = RLENGTH
    body = body held substr($0, block_indent + 1) "\n"
    held = ""
    next
  }
  end_block()
}

/^ *(#|$)/ || /^---/ || /^\.\.\.$/ { next }

# A key at the left edge.
/^[A-Za-z_]/ {
  end_file()
  section = $0
  sub(/:.*/, "", section)
  rest = $0
  sub(/^[^:]*: */, "", rest)
  if (section == "hostname" || section == "fqdn") print "hostname " scalar(rest)
  else if (section != "ssh_authorized_keys" && section != "runcmd" && section != "write_files") {
    print "unknown " section
    section = ""
  }
  next
}

section == "ssh_authorized_keys" && /^ *- / { print "key " scalar(item($0)) }

section == "runcmd" && /^ *- / {
  text = item($0)
  if (text ~ /^\[/) { print flow(text) > commands; next }
  if (text ~ /^[|>][-+]?$/) { start_block("command"); next }
  print scalar(text) > commands
}

section == "write_files" {
  line = $0
  if (line ~ /^ *- /) { end_file(); have_file = 1; sub(/- /, "  ", line) }
  match(line, /^ */)
  indent = RLENGTH
  line = substr(line, indent + 1)
  key = line
  sub(/:.*/, "", key)
  sub(/^[^:]*: */, "", line)
  if (key == "content" && line ~ /^[|>][-+]?$/) { chomp = line ~ /-/; start_block("content"); block_of = indent; next }
  if (key == "content") { content = scalar(line); next }
  if (key == "path") path = scalar(line)
  else if (key == "permissions") mode = scalar(line)
  else if (key == "append") append = (scalar(line) == "true")
  else print "unknown write_files." key
}

END {
  end_block()
  end_file()
}

function item(line) {
  match(line, /^ *- +/)
  block_of = RLENGTH - 2 < 0 ? 0 : index(line, "-") - 1
  return substr(line, RLENGTH + 1)
}

function start_block(kind) {
  in_block = 1
  block_kind = kind
  block_indent = 0
  body = ""
  held = ""
}

function end_block() {
  if (!in_block) return
  in_block = 0
  if (block_kind == "command") printf "%s", body > commands
  else {
    if (chomp) sub(/\n$/, "", body)
    content = body
  }
}

function end_file() {
  if (have_file && path ~ /^\//) {
    printf "%s", content > (work "/files/" files)
    close(work "/files/" files)
    print "file " files " " (mode ~ /^[0-7]+$/ ? mode : "-") " " (append ? 1 : 0) " " path
    files++
  }
  have_file = append = 0
  path = mode = content = ""
}

# A one-line value: quotes off, a comment after an unquoted one off.
function scalar(text) {
  sub(/[ \t]+$/, "", text)
  if (text ~ /^".*"$/) {
    text = substr(text, 2, length(text) - 2)
    gsub(/\\n/, "\n", text)
    gsub(/\\"/, "\"", text)
    gsub(/\\\\/, "\\", text)
    return text
  }
  if (text ~ /^'.*'$/) {
    text = substr(text, 2, length(text) - 2)
    gsub(/''/, "'", text)
    return text
  }
  sub(/[ \t]#.*$/, "", text)
  return text
}

# [a, "b, c", 'd'] as one shell command, each word in single quotes.
function flow(text,    command, word, quote, letter, i, started) {
  command = word = quote = ""
  for (i = 2; i <= length(text); i++) {
    letter = substr(text, i, 1)
    if (quote != "") {
      if (letter == "\\" && quote == "\"") { i++; word = word substr(text, i, 1) }
      else if (letter == quote) quote = ""
      else word = word letter
      continue
    }
    if ((letter == "\"" || letter == "'") && word ~ /^ *$/) { quote = letter; word = ""; started = 1; continue }
    if (letter == "," || letter == "]") {
      if (!started) { sub(/^ +/, "", word); sub(/ +$/, "", word) }
      gsub(/'/, "'\\''", word)
      command = command (command == "" ? "" : " ") "'" word "'"
      word = ""
      started = 0
      if (letter == "]") break
      continue
    }
    if (started && letter == " ") continue
    word = word letter
  }
  return command
}
