#include "host/isolation/nursery.hpp"

#include <optional>
#include <utility>

namespace gantry::host {

Result<std::shared_ptr<Nursery>> Nursery::make(IsolationOptions options) {
  auto arena = SharedArena::make();
  if (!arena) return std::unexpected(arena.error());
  // Also the right one when the file was replaced since.
  if (options.program.empty()) options.program = "/proc/self/exe";
  return std::shared_ptr<Nursery>(new Nursery(std::move(options), std::move(*arena)));
}

Nursery::Nursery(IsolationOptions options, std::shared_ptr<SharedArena> arena)
    : options_(std::move(options)), arena_(std::move(arena)), thread_([this] { work(); }) {}

Nursery::~Nursery() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Nursery::ring() noexcept {
  const std::lock_guard lock(ringing_);
  for (isolation::Turn* turn : turns_) isolation::ring(*turn);
}

void Nursery::add(isolation::Turn& turn) {
  const std::lock_guard lock(ringing_);
  turns_.push_back(&turn);
}

void Nursery::leave_out(isolation::Turn& turn) noexcept {
  const std::lock_guard lock(ringing_);
  std::erase(turns_, &turn);
}

void Nursery::put_away(const PutAway& which) {
  if (!options_.on_put_away) return;
  const std::lock_guard lock(telling_);
  options_.on_put_away(which);
}

void Nursery::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return job_ || closing_; });
    if (!job_) return;
    std::exchange(job_, nullptr)();
    changed_.notify_all();
  }
}

Result<std::unique_ptr<isolation::ChildProcess>> Nursery::start(std::span<const int> descriptors) {
  std::optional<Result<std::unique_ptr<isolation::ChildProcess>>> started;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !job_; });
  job_ = [&] { started = isolation::ChildProcess::start(options_.program, descriptors); };
  changed_.notify_all();
  changed_.wait(lock, [&] { return started.has_value(); });
  return std::move(*started);
}

}  // namespace gantry::host
