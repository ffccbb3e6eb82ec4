// Those that a change took out of a run after they had been retired: the report, the exit code and
// the quarantine tell of them as of those that stay to the end.
//
// THREADS  One at a time.
#pragma once
#include <cstdint>
#include <vector>

#include "host/plugin/plugin_set.hpp"
#include "host/report/run_report.hpp"

namespace gantry::host {

class TakenOut {
 public:
  // `set` is one that nobody works with any more, `next` took its place with snapshot `from`. Sets
  // are to be noted in their order. What is put in again and again, to be retired again for the
  // same, is kept as it was the first time, so that there are no more rows than instances in the
  // files.
  void note(const PluginSet& set, const PluginSet& next, std::uint64_t from);
  const std::vector<PluginReport>& rows() const noexcept { return rows_; }

 private:
  std::vector<PluginReport> rows_;
};

}  // namespace gantry::host
