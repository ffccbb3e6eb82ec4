// Counts what one thread asks of malloc and its kin, and of mmap, while a count is open: in this
// program, in its libraries, and in plugins that it loads. Its source defines those functions, so a
// program has it whole or not at all; link it with ENABLE_EXPORTS.
#pragma once
#include <cstdint>

namespace gantry::test {

// Calls made by this thread during `call`.
template <class Call>
std::uint64_t allocations_of(Call&& call);

// For the template above.
std::uint64_t open_allocation_count() noexcept;
std::uint64_t close_allocation_count() noexcept;

template <class Call>
std::uint64_t allocations_of(Call&& call) {
  open_allocation_count();
  call();
  return close_allocation_count();
}

}  // namespace gantry::test
