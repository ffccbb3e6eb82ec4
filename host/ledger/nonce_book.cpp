#include "host/ledger/nonce_book.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::host::ledger {

void NonceBook::put(const Lane& lane, Page page) {
  const std::lock_guard lock(mutex_);
  static_cast<Page&>(pages_[lane]) = std::move(page);
}

void NonceBook::observe(const Lane& lane, std::uint64_t next) {
  const std::lock_guard lock(mutex_);
  Kept& page = pages_[lane];
  page.floor = std::max(page.floor, next);
  page.next = std::max(page.next, next);
  page.free.erase(page.free.begin(), page.free.lower_bound(page.floor));
}

Result<std::uint64_t> NonceBook::reserve(const Lane& lane) {
  const std::lock_guard lock(mutex_);
  const auto found = pages_.find(lane);
  if (found == pages_.end()) {
    return fail(ErrorKind::not_found,
                fmt::format("the next nonce of {} on {} is not known: ask the chain first",
                            lane.sender, lane.chain));
  }
  Kept& page = found->second;
  if (page.reserved.size() >= reservations_max) {
    return fail(ErrorKind::limit,
                fmt::format("{} on {} has {} nonces that are reserved and not recorded, and may "
                            "have no more",
                            lane.sender, lane.chain, reservations_max));
  }
  if (page.next > nonce_max) {
    return fail(ErrorKind::limit,
                fmt::format("{} on {} has no nonces left", lane.sender, lane.chain));
  }
  const std::uint64_t nonce = page.free.empty() ? page.next++ : *page.free.begin();
  page.free.erase(nonce);
  page.reserved.insert(nonce);
  return nonce;
}

Result<Reservation> NonceBook::reserve(const std::shared_ptr<NonceBook>& book, const Lane& lane) {
  const auto nonce = book->reserve(lane);
  if (!nonce) return std::unexpected(nonce.error());
  return Reservation(book, lane, *nonce);
}

void NonceBook::settle(Reservation& reservation, bool recorded) {
  if (recorded) {
    const std::lock_guard lock(mutex_);
    pages_[reservation.lane_].reserved.erase(reservation.nonce_);
  } else {
    give_back(reservation.lane_, reservation.nonce_);
  }
  reservation.book_.reset();
}

void NonceBook::give_back(const Lane& lane, std::uint64_t nonce) {
  const std::lock_guard lock(mutex_);
  Kept& page = pages_[lane];
  page.reserved.erase(nonce);
  if (nonce >= page.floor && nonce < page.next) page.free.insert(nonce);
}

}  // namespace gantry::host::ledger
