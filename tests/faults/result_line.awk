# The line of results.tsv of one run, from its log and from what it wrote of itself (Report::Fields; of a planted bug a line a
# seed): kind, test, seed, form, verdict, row, name, acknowledged, lost, doubled, other, offered/s, recovery ms, slowest answer
# ms, put off, MB, seconds, seeds tried, what to know of it. Variables: kind, name (of the test), seed, form, code (of its end),
# log_file.
FILENAME == log_file {
  if (awaits_reason) { reason = $0; awaits_reason = 0 }
  if (/: Skipped$/) awaits_reason = 1
  if (/^\[  SKIPPED \]/) skipped = 1
  if (/logs and data are in /) { data = $0; sub(/.*logs and data are in /, "", data) }
  next
}
{
  fields = split($0, of_run, "\t")
  if (fields == 13) ++tried
}
END {
  row = substr(name, 4) + 0
  if (tried == 0) {
    split(row "\t" name "\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-", of_run, "\t")
    tried = 0
  }
  sub(/^planted: /, "", of_run[2])
  # A test that ran nothing ends well, too.
  verdict = code == 0 && tried > 0 ? "green" : (code == 0 && skipped ? "skipped" : "red")
  note = "-"
  if (verdict == "skipped") note = reason == "" ? "no reason given" : reason
  if (verdict == "red") {
    note = (code == 124 ? "does not end; " : (code > 1 ? "ended with " code "; " : "")) "log " log_file (data == "" ? "" : ", data " data)
  }
  gsub(/\t/, " ", note)
  line = kind "\t" name "\t" seed "\t" form "\t" verdict
  for (i = 1; i <= 12; ++i) line = line "\t" of_run[i]
  print line "\t" tried "\t" note
}
