// Where isolated plugins' processes come from, and the memory that all of them are shown.
//
// Rationale: a child dies with the thread that started it (PR_SET_PDEATHSIG), not with the process;
// the graph's workers come and go, so all are started by one thread that stays.
//
// THREADS  start() from any thread.
// ERRORS   io: no shared memory, no process.
#pragma once
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "host/base/result.hpp"
#include "host/isolation/channel.hpp"
#include "host/isolation/child_process.hpp"
#include "host/isolation/shared_memory.hpp"

namespace gantry::host {

class Nursery {
 public:
  static Result<std::shared_ptr<Nursery>> make(IsolationOptions options);
  ~Nursery();

  const std::shared_ptr<SharedArena>& arena() const noexcept { return arena_; }
  Result<std::unique_ptr<isolation::ChildProcess>> start(std::span<const int> descriptors);
  // A snapshot is about to come: children that sleep wake for it. From any thread; `turn` lasts
  // until it is left out.
  void ring() noexcept;
  void add(isolation::Turn& turn);
  void leave_out(isolation::Turn& turn) noexcept;
  // Tells who wants to know, one at a time. Any thread.
  void put_away(const PutAway& which);

 private:
  Nursery(IsolationOptions options, std::shared_ptr<SharedArena> arena);
  void work();

  IsolationOptions options_;
  std::mutex telling_;
  std::mutex ringing_;  // guards the next
  std::vector<isolation::Turn*> turns_;
  std::shared_ptr<SharedArena> arena_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::function<void()> job_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace gantry::host
