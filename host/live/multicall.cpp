#include "host/live/multicall.hpp"

#include <cstring>

#include "gantry/u256_convert.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::host::multicall {

namespace {

// aggregate3((address,bool,bytes)[])
constexpr std::uint8_t selector[] = {0x82, 0xad, 0x56, 0xcb};

constexpr std::size_t padded(std::size_t size) {
  return (size + word_bytes - 1) / word_bytes * word_bytes;
}

void add(recording::Bytes& out, std::uint64_t value) {
  out.resize(out.size() + word_bytes);
  store_be(u256(value), out.data() + out.size() - word_bytes);
}

// A number that is an offset or a length within `bytes`.
std::optional<std::size_t> number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < word_bytes) return std::nullopt;
  const u256 value = load_be(bytes.data() + at);
  if (value > u256(bytes.size())) return std::nullopt;
  return static_cast<std::size_t>(value.limb(0));
}

}  // namespace

recording::Bytes encode(std::span<const Call> calls) {
  recording::Bytes out(std::begin(selector), std::end(selector));
  add(out, word_bytes);
  add(out, calls.size());
  std::size_t offset = calls.size() * word_bytes;
  for (const Call& call : calls) {
    add(out, offset);
    offset += 4 * word_bytes + padded(call.data.size());
  }
  for (const Call& call : calls) {
    out.resize(out.size() + word_bytes);
    std::memcpy(out.data() + out.size() - call.target.length, call.target.bytes,
                call.target.length);
    add(out, 1);               // allowFailure
    add(out, 3 * word_bytes);  // where the bytes begin
    add(out, call.data.size());
    const std::size_t at = out.size();
    out.resize(at + padded(call.data.size()));
    if (!call.data.empty()) std::memcpy(out.data() + at, call.data.data(), call.data.size());
  }
  return out;
}

std::optional<std::vector<Answer>> decode(std::span<const std::uint8_t> bytes, std::size_t count) {
  const auto list = number_at(bytes, 0);
  if (!list) return std::nullopt;
  const auto length = number_at(bytes, *list);
  if (!length || *length != count) return std::nullopt;
  const auto items = bytes.subspan(*list + word_bytes);
  std::vector<Answer> answers(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = number_at(items, i * word_bytes);
    if (!offset) return std::nullopt;
    const auto item = items.subspan(*offset);
    const auto success = number_at(item, 0);
    const auto data = number_at(item, word_bytes);
    if (!success || *success > 1 || !data) return std::nullopt;
    const auto size = number_at(item, *data);
    if (!size || *size > item.size() - *data - word_bytes) return std::nullopt;
    const auto begin = item.subspan(*data + word_bytes, *size);
    answers[i] = {*success == 1, recording::Bytes(begin.begin(), begin.end())};
  }
  return answers;
}

}  // namespace gantry::host::multicall
