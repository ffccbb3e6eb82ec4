// The one thread that writes: jobs that wait are carried out in order in one transaction, which is
// synced once. Internal to host/ledger.
//
// BOUNDS   `queue_max` jobs wait; more fail at once. `batch_max` share a commit.
// ERRORS   A job that fails is rolled back by itself, the others stay. Where the commit fails all
// of
//          it are told so, and nothing of it is recorded. After a failure of the disk itself it is
//          not known what a restart will find there: all that comes later is refused until then.
// THREADS  add() any thread; jobs and their done() run on the writer's.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "host/ledger/store.hpp"

namespace gantry::host::ledger {

struct Job {
  std::function<Status(Store&)> run;
  std::function<void(Status)> done;  // once; after the commit
};

struct WriterOptions {
  std::size_t queue_max = 4096;
  std::size_t batch_max = 256;
  std::chrono::milliseconds batch_wait{0};  // see LedgerOptions
  std::function<std::int64_t()> now_ms;
};

class Writer {
 public:
  Writer(std::unique_ptr<Connection> connection, Trail trail, WriterOptions options);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();  // what waits is written first

  void add(Job job);
  // Of what is committed.
  std::int64_t last_row() const;
  // Commits so far, and jobs in them.
  std::uint64_t commits() const { return commits_; }
  std::uint64_t jobs() const { return jobs_; }

 private:
  void work();
  std::vector<Job> take();
  void write(std::vector<Job>& batch);
  Status write_all(std::vector<Job>& batch, std::vector<Status>& outcomes);

  std::unique_ptr<Connection> connection_;
  Trail trail_;
  Store store_;
  WriterOptions options_;
  std::optional<Error> broken_;  // of the writer's thread alone
  std::atomic<std::int64_t> last_row_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> jobs_{0};
  std::mutex mutex_;  // guards queue_ and ending_
  std::condition_variable woken_;
  std::deque<Job> queue_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gantry::host::ledger
