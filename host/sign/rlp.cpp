#include "host/sign/rlp.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "gantry/u256_convert.hpp"

namespace gantry::host::sign::rlp {
namespace {

constexpr std::size_t short_max = 55;  // bytes whose number is in the first byte
constexpr std::uint8_t text_base = 0x80;
constexpr std::uint8_t list_base = 0xc0;
constexpr std::uint8_t to_long = 55;  // from a base to that of a length which has bytes of its own

std::size_t bytes_of_length(std::size_t length) {
  return (static_cast<std::size_t>(std::bit_width(length)) + 7) / 8;
}

std::size_t bytes_of_number(const u256& number) { return (bit_width(number) + 7) / 8; }

}  // namespace

std::size_t list_header_size(std::size_t payload) {
  return payload <= short_max ? 1 : 1 + bytes_of_length(payload);
}

std::size_t size_of(Bytes text) {
  if (text.size() == 1 && text[0] < text_base) return 1;
  return list_header_size(text.size()) + text.size();
}

std::size_t size_of(const u256& number) {
  return number < u256(text_base) ? 1 : 1 + bytes_of_number(number);
}

void Writer::byte(std::uint8_t value) {
  if (size_ < out_.size()) out_[size_] = value;
  ++size_;
}

void Writer::raw(Bytes encoded) {
  if (!encoded.empty() && size_ <= out_.size() && encoded.size() <= out_.size() - size_) {
    std::memcpy(out_.data() + size_, encoded.data(), encoded.size());
  }
  size_ += encoded.size();
}

void Writer::header(std::uint8_t base, std::size_t length) {
  if (length <= short_max) return byte(static_cast<std::uint8_t>(base + length));
  const std::size_t bytes = bytes_of_length(length);
  byte(static_cast<std::uint8_t>(base + to_long + bytes));
  for (std::size_t i = bytes; i-- > 0;) byte(static_cast<std::uint8_t>(length >> (8 * i)));
}

void Writer::list(std::size_t payload) { header(list_base, payload); }

void Writer::text(Bytes text) {
  if (text.size() == 1 && text[0] < text_base) return byte(text[0]);
  header(text_base, text.size());
  raw(text);
}

void Writer::number(const u256& number) {
  if (number < u256(text_base) && !number.is_zero()) {
    return byte(static_cast<std::uint8_t>(number.limb(0)));
  }
  const std::size_t bytes = bytes_of_number(number);
  header(text_base, bytes);
  for (std::size_t i = bytes; i-- > 0;) {
    byte(static_cast<std::uint8_t>(number.limb(i / 8) >> (8 * (i % 8))));
  }
}

std::optional<Bytes> Reader::item(bool wants_list) {
  if (rest_.empty()) return std::nullopt;
  const std::uint8_t first = rest_[0];
  if (wants_list != (first >= list_base)) return std::nullopt;
  if (first < text_base) {
    const Bytes one = rest_.first(1);
    rest_ = rest_.subspan(1);
    return one;
  }
  std::size_t length = static_cast<std::size_t>(first - (wants_list ? list_base : text_base));
  std::size_t head = 1;
  if (length > short_max) {
    const std::size_t bytes = length - short_max;
    if (rest_.size() < 1 + bytes || rest_[1] == 0) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < bytes; ++i) length = length << 8U | rest_[1 + i];
    if (length <= short_max) return std::nullopt;
    head += bytes;
  }
  if (length > rest_.size() - head) return std::nullopt;
  const Bytes content = rest_.subspan(head, length);
  // A byte that stands for itself may not be written with a length.
  if (!wants_list && length == 1 && content[0] < text_base) return std::nullopt;
  rest_ = rest_.subspan(head + length);
  return content;
}

std::optional<Bytes> Reader::text() { return item(false); }

std::optional<Reader> Reader::list() {
  const auto content = item(true);
  if (!content) return std::nullopt;
  return Reader(*content);
}

std::optional<u256> Reader::number() {
  const auto content = item(false);
  if (!content || content->size() > 32 || (!content->empty() && (*content)[0] == 0)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 32> word{};
  std::copy(content->begin(), content->end(),
            word.end() - static_cast<std::ptrdiff_t>(content->size()));
  return load_be(word.data());
}

}  // namespace gantry::host::sign::rlp
