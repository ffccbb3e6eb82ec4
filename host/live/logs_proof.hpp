// Whether a provider that was asked for a block's logs had them: a node has a block's header before
// its logs, and until then says that there are none.
//
// WHAT IS LOOKED AT  A node has the logs of a block or has none of them. So an answer is doubted
//     that is empty, while the header's bloom holds an emitter and the topics of somebody who waits
//     for logs; not one that lacks an emitter of many, for in a busy block's bloom, half of whose
//     bits are set, an eighth of all emitters seem to be. And one that has a log of an emitter that
//     the bloom does not hold. A bloom of no bit at all that comes with logs of that very block is
//     its header's fault, and not looked at: some providers leave it blank.
// WHAT PROVES IT     More logs of that block than were asked for, of whomever: first those of the
//     topics that are waited for, then all. One there says that the node has the block's logs, and
//     ours are among them. No second provider's word is taken instead: those that are behind at the
//     same moment agree. Where nobody answers without emitters in the filter, a second voice
//     counts, or the same one's for the third time.
// COST   Nothing while logs come or the bloom holds nobody. For a bloom that was wrong one request
//     more in a busy block, two in one without any log of those topics.
// ERRORS As chain_blocks.hpp; `io`: nobody has logs that fit the header within an ask()'s deadline.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/live/chain_blocks.hpp"
#include "host/live/chain_logs.hpp"

namespace gantry::host {

// One chain's blooms, and whether they are to be believed. One thread at a time.
class LogBlooms {
 public:
  // Trips in a row that found no provider with a block's logs, until it is worth to do without.
  static constexpr int vain_trips_max = 3;
  static constexpr std::size_t known_emitters_max = 65'536;

  // `chain`: its name, for the log.
  explicit LogBlooms(std::string chain) : chain_(std::move(chain)) {}

  enum class Fit : std::int32_t {
    fits = 1,     // or nothing can be said
    missing = 2,  // there are no logs, and the bloom holds some that are waited for
    foreign = 3,  // one that is waited for is of an emitter that the bloom does not hold
  };
  // Of an answer as it came, strangers' logs included. A chain whose blooms are left out is told of
  // once, with the first logs.
  Fit fit(const ChainBlock& block, const LogRoutes& routes, std::span<const ChainLog> logs);
  // False: the chain's blooms say nothing.
  bool believed() const noexcept { return !useless_; }

  // Of a trip.
  void found() noexcept { vain_trips_ = 0; }
  void not_found() noexcept { ++vain_trips_; }
  bool in_vain() const noexcept { return vain_trips_ >= vain_trips_max; }
  // The caller does without those logs. Blooms that have never yet shown one are no longer
  // believed.
  void give_up();

 private:
  const LogsBloom::Bits& bits_of(const gantry_address& emitter);
  void be_useless(const char* why);
  void tell(const char* why) const;

  std::string chain_;
  std::unordered_map<gantry_address, LogsBloom::Bits, AddressHash, AddressEqual> emitters_;
  bool shown_ = false;  // a log was in its block's bloom
  bool useless_ = false;
  bool absence_told_ = false;
  bool blank_told_ = false;  // of one header's bloom, where others show logs
  int vain_trips_ = 0;
};

// What was answered for one block, and by whom.
struct DoubtedLogs {
  const ChainBlock* block = nullptr;
  LogBlooms::Fit fit = LogBlooms::Fit::missing;
  std::vector<ChainLog>* logs = nullptr;  // become the right ones
};
// Asks for proof, of a few blocks at a time. `said_by`: the provider whose answers these are; it is
// refuted where they were wrong.
Status prove_logs(Providers& providers, const LogRoutes& routes, LogBlooms& blooms,
                  std::span<const DoubtedLogs> doubted, const std::string& said_by);

}  // namespace gantry::host
