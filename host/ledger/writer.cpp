#include "host/ledger/writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace gantry::host::ledger {

Writer::Writer(std::unique_ptr<Connection> connection, Trail trail, WriterOptions options)
    : connection_(std::move(connection)),
      trail_(std::move(trail)),
      store_(*connection_, trail_),
      options_(std::move(options)),
      last_row_(trail_.head().sequence),
      thread_([this] { work(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void Writer::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < options_.queue_max) {
      queue_.push_back(std::move(job));
      woken_.notify_one();
      return;
    }
  }
  job.done(fail(ErrorKind::limit,
                fmt::format("{}: {} records wait to be written, and no more may: the disk is too "
                            "slow",
                            connection_->path().string(), options_.queue_max)));
}

std::int64_t Writer::last_row() const { return last_row_; }

std::vector<Job> Writer::take() {
  std::unique_lock lock(mutex_);
  woken_.wait(lock, [&] { return ending_ || !queue_.empty(); });
  if (options_.batch_wait.count() > 0) {
    woken_.wait_for(lock, options_.batch_wait,
                    [&] { return ending_ || queue_.size() >= options_.batch_max; });
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), options_.batch_max));
  std::vector<Job> batch(std::make_move_iterator(queue_.begin()),
                         std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return batch;
}

void Writer::work() {
  while (true) {
    std::vector<Job> batch = take();
    if (batch.empty()) return;
    write(batch);
  }
}

void Writer::write(std::vector<Job>& batch) {
  std::vector<Status> outcomes(batch.size());
  Status committed;
  if (broken_) {
    committed = std::unexpected(*broken_);
  } else {
    committed = write_all(batch, outcomes);
  }
  if (committed) {
    trail_.committed();
    last_row_ = trail_.head().sequence;
    ++commits_;
    jobs_ += batch.size();
  } else if (!broken_) {
    const bool disk = connection_->disk_failed();
    trail_.rolled_back();
    static_cast<void>(connection_->run("ROLLBACK"));  // SQLite may have done it already
    if (disk) {
      broken_ = Error{committed.error().kind,
                      committed.error().message +
                          ". Nothing more is recorded, so nothing more may be sent, until the host "
                          "is started again"};
      committed = std::unexpected(*broken_);
      spdlog::error("{}", broken_->message);
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].done(committed ? std::move(outcomes[i]) : committed);
  }
}

Status Writer::write_all(std::vector<Job>& batch, std::vector<Status>& outcomes) {
  store_.set_time(options_.now_ms());
  if (auto done = connection_->run("BEGIN IMMEDIATE"); !done) return done;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (auto done = connection_->execute("SAVEPOINT job"); !done) return done;
    const std::size_t rows = trail_.pending();
    outcomes[i] = batch[i].run(store_);
    if (!outcomes[i]) {
      // What is the caller's mistake costs this job; what is the file's costs the batch.
      const ErrorKind kind = outcomes[i].error().kind;
      if (kind == ErrorKind::io || kind == ErrorKind::format) {
        return std::unexpected(outcomes[i].error());
      }
      trail_.drop_from(rows);
      if (auto done = connection_->execute("ROLLBACK TO job"); !done) return done;
    }
    if (auto done = connection_->execute("RELEASE job"); !done) return done;
  }
  if (auto done = trail_.write(); !done) return done;
  return connection_->execute("COMMIT");
}

}  // namespace gantry::host::ledger
