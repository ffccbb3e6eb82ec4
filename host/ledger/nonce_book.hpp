// Which nonces may be given out. What is given out and never recorded comes back, the lowest first,
// so that no gap is left that would hold up all that follow. Internal to host/ledger.
//
// THREADS  Any thread.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "host/ledger/ledger.hpp"

namespace gantry::host::ledger {

// Of one lane that are given out and not recorded: more are refused.
inline constexpr std::size_t reservations_max = 256;

class NonceBook {
 public:
  struct Page {
    std::uint64_t floor = 0;       // the chain has taken all below
    std::uint64_t next = 0;        // nothing from here on was given out
    std::set<std::uint64_t> free;  // between the two, nobody's
  };

  void put(const Lane& lane, Page page);
  // What the chain says is the next.
  void observe(const Lane& lane, std::uint64_t next);
  // not_found: the lane was never observed; limit.
  Result<std::uint64_t> reserve(const Lane& lane);
  static Result<Reservation> reserve(const std::shared_ptr<NonceBook>& book, const Lane& lane);
  // It is recorded with an intent, or was not.
  void settle(Reservation& reservation, bool recorded);
  // Nobody will use it.
  void give_back(const Lane& lane, std::uint64_t nonce);

 private:
  struct Kept : Page {
    std::set<std::uint64_t> reserved;
  };
  std::mutex mutex_;  // guards what follows
  std::map<Lane, Kept> pages_;
};

}  // namespace gantry::host::ledger
