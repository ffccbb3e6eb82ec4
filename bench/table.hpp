// The performance table: what was measured, beside its peer or floor and its target.
//
// Benches speak to it through counters: "per_call" (seconds, where one iteration is many calls),
// "p50_us" and "p99_us" of single events, anything else is printed as it is.
#pragma once
#include <benchmark/benchmark.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::bench {

struct Row {
  std::string name;
  std::vector<double> samples_ns;  // one for each repetition
  std::map<std::string, double> counters;
  double median_ns() const;
};

// Collects the runs of one program; google-benchmark's own lines go nowhere.
class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override;

  std::string text() const;
  std::string json() const;
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  // A row beside what it is compared with.
  struct Verdict {
    std::string peer;
    std::optional<double> peer_ns;
    std::optional<double> ratio;
    std::string target;
    std::optional<bool> met;
  };
  const Row* find(const std::string& name) const;
  Verdict judge(const Row& row) const;

  std::vector<Row> rows_;
  std::vector<std::string> errors_;
};

}  // namespace gantry::bench
