// Where the market's answers come from, when they are not in what came in: the chain itself.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gantry/dex.h"
#include "host/base/result.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

// One request of one pool, as its venue emitted it.
struct PoolRequest {
  std::uint32_t pool = 0;
  std::int32_t source = 0;  // GANTRY_SOURCE_*
  std::uint32_t tag = 0;
  gantry_address target{};
  recording::Bytes payload;
};

class Answers {
 public:
  virtual ~Answers() = default;
  // A fact for each request, in their order, as of the block of the context: one round trip,
  // however many there are. A call that reverts is a fact with GANTRY_REFUSED. Fails when the
  // chain cannot be asked, or the block is not there any more.
  virtual Result<std::vector<recording::Fact>> answer(const gantry_context& context,
                                                      std::span<const PoolRequest> requests) = 0;
};

}  // namespace gantry::host
