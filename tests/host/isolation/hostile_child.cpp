// A program that is started as an isolated plugin's process and answers whatever it likes: what
// code could do that took over a child. It keeps to the turns for a while, as a host hears no one
// else, and from `after` snapshots on it answers from a seed: heads that lie about what follows,
// statuses that there are none of, questions without end, a turn that nobody has; and it goes on
// writing while the host reads.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "host/isolation/channel.hpp"
#include "host/isolation/order.hpp"

using namespace gantry::host;
using namespace gantry::host::isolation;

namespace {

std::uint8_t* map(int descriptor, std::uint64_t bytes, int protection) {
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  return data == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(data);
}

class Hostile {
 public:
  Hostile(std::uint8_t* replies, std::uint64_t bytes, std::uint64_t seed)
      : replies_(replies), bytes_(bytes), random_(seed) {}

  // What this one is about, for as long as it lives.
  void answer(const Request& request) {
    Reply reply{};
    switch (random_() % 6) {
      case 0:  // noise from end to end
        for (std::uint64_t at = reply_offset; at + 8 <= std::min<std::uint64_t>(bytes_, 1U << 18U);
             at += 8) {
          const std::uint64_t word = random_();
          std::memcpy(replies_ + at, &word, sizeof(word));
        }
        replies_[reply_offset] = 1;  // so that it goes on to the records
        std::fill_n(replies_ + reply_offset + 1, 3, std::uint8_t{0});
        return;
      case 1:  // records that say they are other than they are
        records(reply);
        break;
      case 2:  // a question where there is none to ask, or too many
        reply.says = static_cast<Says>(random_() % 5);
        break;
      case 3:  // a market's worth of opportunities that cannot be
        opportunities(reply, request);
        break;
      case 4:  // a status, and an error without an end
        reply.says = Says::done;
        reply.status = static_cast<gantry_status>(random_());
        std::fill_n(reply.error.message, sizeof(reply.error.message), 'x');
        reply.record_bytes = ~0ULL;
        reply.beyond = ~0ULL;
        break;
      default:
        reply.says = Says::done;
        noise({reinterpret_cast<std::uint8_t*>(&reply.sized), sizeof(reply.sized)});
    }
    std::memcpy(replies_ + reply_offset, &reply, sizeof(reply));
  }

 private:
  void noise(std::span<std::uint8_t> room) {
    for (std::uint8_t& byte : room) byte = static_cast<std::uint8_t>(random_());
  }

  void records(Reply& reply) {
    std::uint64_t at = records_offset;
    for (int i = 0; i < 64; ++i) {
      const RecordHead head{static_cast<RecordKind>(random_() % 8),
                            static_cast<std::uint32_t>(random_() >> (32 + random_() % 32)),
                            random_() >> (random_() % 64)};
      std::memcpy(replies_ + at, &head, sizeof(head));
      at += sizeof(head) + random_() % 4 * 8;
    }
    reply.says = Says::done;
    reply.record_bytes = random_() >> (random_() % 64);
  }

  void opportunities(Reply& reply, const Request& request) {
    RecordWriter writer({replies_ + records_offset, bytes_ - records_offset});
    for (int i = 0; i < 300; ++i) {
      gantry_opportunity one{};
      noise({reinterpret_cast<std::uint8_t*>(&one), sizeof(one)});
      // Near enough to what makes sense that the checks behind the first are met as well.
      one.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
      one.block = request.market.context.state_block;
      one.valid_until_block = one.block;
      one.leg_count = static_cast<std::uint32_t>(random_() % (GANTRY_LEGS_MAX + 2));
      one.gas = 1;
      one.confidence = one.risk_score = 0.5;
      one.expected_profit_bps = 1;
      one.token_in = one.token_out = static_cast<std::uint32_t>(random_() % 8);
      for (gantry_leg& leg : one.legs) {
        leg.hop.pool = static_cast<std::uint32_t>(random_() % 16);
        leg.hop.token_in = static_cast<std::uint32_t>(random_() % 4);
        leg.hop.token_out = static_cast<std::uint32_t>(random_() % 4);
        leg.amount_in = leg.amount_out = one.amount_in;
      }
      one.amount_out = one.amount_in;
      add_opportunity(writer, one);
    }
    reply.says = Says::done;
    reply.record_bytes = writer.bytes();
    reply.beyond = random_();
  }

  std::uint8_t* replies_;
  std::uint64_t bytes_;
  std::mt19937_64 random_;
};

std::uint64_t number(const Order& order, std::string_view name) {
  for (const ParameterSetting& one : order.strategy.parameters) {
    if (one.name == name) return static_cast<std::uint64_t>(std::get<std::int64_t>(one.value));
  }
  return 0;
}

}  // namespace

int main() {
  const std::uint8_t* requests = map(requests_descriptor, requests_bytes, PROT_READ);
  Order order;
  const auto& request = *reinterpret_cast<const Request*>(requests);
  if (requests == nullptr || !unpack({requests + payload_offset, request.payload_bytes}, order)) {
    return 1;
  }
  std::uint8_t* replies = map(replies_descriptor, order.replies_bytes, PROT_READ | PROT_WRITE);
  if (replies == nullptr) return 1;
  Turn& turn = *reinterpret_cast<Turn*>(replies);
  auto& reply = *reinterpret_cast<Reply*>(replies + reply_offset);
  const std::uint64_t seed = number(order, "seed");
  const std::uint64_t after = number(order, "after");
  Hostile hostile(replies, order.replies_bytes, seed);
  // Writes over what the host is reading.
  std::thread([replies, seed] {
    std::mt19937_64 random(~seed);
    for (;; std::this_thread::yield()) {
      const std::uint64_t at = records_offset + random() % 4096 * 8;
      const std::uint64_t word = random() >> (random() % 64);
      if (seed % 2 == 0) std::memcpy(replies + at, &word, sizeof(word));
    }
  }).detach();
  for (std::uint64_t finds = 0;;) {
    await_call(turn);
    finds += request.call == Call::find ? 1U : 0U;
    if (finds <= after) {
      reply.says = Says::done;
      reply.status = GANTRY_OK;
      reply.record_bytes = 0;
      reply.beyond = 0;
    } else {
      hostile.answer(request);
      auto& inside = *reinterpret_cast<Inside*>(replies + inside_offset);
      inside.slot.inner = reinterpret_cast<const gantry::host::Culprit*>(seed * 77);
      inside.venues[0] = seed % 2 * seed * 77;
      turn.stage = static_cast<std::uint32_t>(seed);
      if (seed % 7 == 3) turn.sleeping = ~0U;
    }
    if (seed % 11 == 5 && finds > after + 2) ::_exit(0);
    give_turn(turn, seed % 13 == 6 && finds > after + 4 ? static_cast<Side>(9) : Side::host);
  }
}
