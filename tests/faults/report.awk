# The table of a series, as Markdown: from its description, its plan and its results (see result_line.awk). Ends with 1 if a run
# is red.
function sort(values, count,    i, j, value) {
  for (i = 2; i <= count; ++i) {
    value = values[i]
    for (j = i - 1; j >= 1 && values[j] > value; --j) values[j + 1] = values[j]
    values[j + 1] = value
  }
}
function median(values, count) {
  return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
}
# "median (least)" or "median (most)" of the figures of a test that are in `all`.
function spread(all, name, with_most,    i, count, values) {
  for (i = 1; i <= ran[name]; ++i) {
    if (all[name, i] != "-") values[++count] = all[name, i] + 0
  }
  if (count == 0) return "-"
  sort(values, count)
  return sprintf("%d (%d)", median(values, count), with_most ? values[count] : values[1])
}
FNR == 1 { ++file }
file == 1 { series = $0; next }
file == 2 {
  split($0, run, " ")
  ++planned_runs
  if (!(run[2] in planned)) { names[++name_count] = run[2]; kind[run[2]] = run[1] }
  ++planned[run[2]]
  next
}
split($0, run, "\t") == 19 {
  name = run[2]
  ++ran[name]
  ++runs
  number[name] = run[6]
  if (run[18] > 0 || !(name in title)) title[name] = run[7]
  if (run[5] == "red") { ++red[name]; ++red_runs; red_lines[red_runs] = "- " name ", seed " run[3] ", " run[4] ": " run[19] }
  if (run[5] == "skipped") { ++skipped[name]; reason[name] = run[19] }
  if (run[4] == "long") ++in_long[name]
  for (i = 8; i <= 11; ++i) {
    sum[name, i] += run[i]
    if (run[1] == "row") total[i] += run[i]
  }
  offered[name, ran[name]] = run[12]
  if (run[12] != "-" && run[12] < 1000) ++slow[name]
  recovery[name, ran[name]] = run[13]
  answer[name, ran[name]] = run[14]
  tried[name] = run[18]
}
END {
  printf "# Fault matrix\n\n%s.\n\n%d of %d runs, %d of them red%s.\n\n", series, runs, planned_runs, red_runs,
    runs < planned_runs ? "; **the series is not at its end**" : ""
  print "| row | fault | seeds (long) | acknowledged | lost | doubled | other | offered/s: median (least) | under 1,000/s" \
    " | recovery ms: median (most) | slowest answer ms | |"
  print "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
  for (n = 1; n <= name_count; ++n) {
    name = names[n]
    if (kind[name] != "row") continue
    if (ran[name] == 0) {
      printf "| %d | %s | 0 of %d | | | | | | | | | has not run |\n", substr(name, 4), name, planned[name]
      continue
    }
    verdict = "ok"
    if (skipped[name]) verdict = "skipped: " reason[name]
    if (red[name]) verdict = "**RED: " red[name] "**"
    slowest = spread(answer, name, 1)
    sub(/.*\(/, "", slowest)
    sub(/\)/, "", slowest)
    printf "| %d | %s | %s (%d) | %d | %d | %d | %d | %s | %s | %s | %s | %s |\n", number[name], title[name],
      ran[name] < planned[name] ? ran[name] " of " planned[name] : ran[name], in_long[name], sum[name, 8], sum[name, 9],
      sum[name, 10], sum[name, 11], spread(offered, name, 0), slow[name] ? slow[name] : "-", spread(recovery, name, 1), slowest, verdict
  }
  printf "| | all | | %d | %d | %d | %d | | | | | |\n", total[8], total[9], total[10], total[11]
  for (n = 1; n <= name_count; ++n) {
    name = names[n]
    if (kind[name] != "planted") continue
    if (!headed++) print "\n## Planted bugs\n\n| bug | row | seeds tried | found |\n| --- | ---: | ---: | --- |"
    verdict = ran[name] == 0 ? "has not run" : (red[name] ? "**NO**" : (skipped[name] ? "skipped: " reason[name] : "yes"))
    printf "| %s | %d | %s | %s |\n", ran[name] ? title[name] : name, substr(name, 4), ran[name] ? tried[name] : "-", verdict
  }
  if (red_runs) print "\n## Red runs\n"
  for (i = 1; i <= red_runs; ++i) print red_lines[i]
  exit red_runs > 0
}
