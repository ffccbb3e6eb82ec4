#include "host/recording/format.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::host::recording {

namespace {

#if defined(__x86_64__)
// The processor's own: eight bytes at a time, where the table takes one.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_of_processor(ByteView bytes) {
  std::uint64_t sum = 0xFFFFFFFF;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    sum = __builtin_ia32_crc32di(sum, load_word<std::uint64_t>(bytes.data() + at));
  }
  auto rest = static_cast<std::uint32_t>(sum);
  for (; at < bytes.size(); ++at) rest = __builtin_ia32_crc32qi(rest, bytes[at]);
  return ~rest;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
#if defined(__x86_64__)
  static const bool has_own = __builtin_cpu_supports("sse4.2") != 0;
  if (has_own) return crc32c_of_processor(bytes);
#endif
  Crc32c sum;
  sum.process_bytes(bytes.data(), bytes.size());
  return sum.checksum();
}

std::array<std::uint8_t, file_head_bytes> write_file_head(std::uint32_t version) {
  std::array<std::uint8_t, file_head_bytes> out{};
  std::copy(magic.begin(), magic.end(), out.begin());
  store_word(version, &out[8]);
  store_word(crc32c(ByteView(out).first(12)), &out[12]);
  return out;
}

Result<std::uint32_t> read_file_head(std::span<const std::uint8_t, file_head_bytes> bytes) {
  if (!std::equal(magic.begin(), magic.end(), bytes.begin())) {
    return fail(ErrorKind::format, "this is not a Gantry recording: its first 8 bytes are others");
  }
  if (load_word<std::uint32_t>(&bytes[12]) != crc32c(ByteView(bytes).first(12))) {
    return fail(ErrorKind::format, "the file's head does not match its checksum");
  }
  const auto version = load_word<std::uint32_t>(&bytes[8]);
  if (version == 0 || version > format_version) {
    return fail(ErrorKind::format,
                fmt::format("the format's version is {}, this program reads up to {}: read it "
                            "with the version of gantry that wrote it",
                            version, format_version));
  }
  return version;
}

std::array<std::uint8_t, frame_head_bytes> write_frame_head(const FrameHead& head) {
  std::array<std::uint8_t, frame_head_bytes> out{};
  out[0] = head.type;
  out[1] = head.flags;
  store_word(head.stored_bytes, &out[4]);
  store_word(head.raw_bytes, &out[8]);
  store_word(head.records, &out[12]);
  store_word(head.first_record, &out[16]);
  store_word(head.payload_crc, &out[24]);
  store_word(crc32c(ByteView(out).first(28)), &out[28]);
  return out;
}

Result<FrameHead> read_frame_head(std::span<const std::uint8_t, frame_head_bytes> bytes) {
  if (load_word<std::uint32_t>(&bytes[28]) != crc32c(ByteView(bytes).first(28))) {
    return fail(ErrorKind::format, "the frame's head does not match its checksum");
  }
  FrameHead head;
  head.type = bytes[0];
  head.flags = bytes[1];
  head.stored_bytes = load_word<std::uint32_t>(&bytes[4]);
  head.raw_bytes = load_word<std::uint32_t>(&bytes[8]);
  head.records = load_word<std::uint32_t>(&bytes[12]);
  head.first_record = load_word<std::uint64_t>(&bytes[16]);
  head.payload_crc = load_word<std::uint32_t>(&bytes[24]);
  if (head.type != frame_records || (head.flags & ~frame_compressed) != 0 || bytes[2] != 0 ||
      bytes[3] != 0) {
    return fail(ErrorKind::format,
                fmt::format("frame type {} with flags {} is unknown to this version", head.type,
                            head.flags));
  }
  if (head.raw_bytes > frame_raw_bytes_max || head.stored_bytes > frame_stored_bytes_max) {
    return fail(ErrorKind::format,
                fmt::format("the frame claims {} bytes, {} uncompressed; the bound is {}",
                            head.stored_bytes, head.raw_bytes, frame_raw_bytes_max));
  }
  // A record takes at least its head.
  if (head.records == 0 || head.records > head.raw_bytes / record_head_bytes) {
    return fail(ErrorKind::format, fmt::format("the frame claims {} records in {} bytes",
                                               head.records, head.raw_bytes));
  }
  const bool compressed = (head.flags & frame_compressed) != 0;
  if (!compressed && head.stored_bytes != head.raw_bytes) {
    return fail(ErrorKind::format, "the frame is not compressed, but claims two sizes");
  }
  return head;
}

void write_record_head(const RecordHead& head, Bytes& out) {
  const std::size_t at = out.size();
  out.resize(at + record_head_bytes);
  out[at] = head.type;
  out[at + 1] = head.flags;
  store_word(head.length, &out[at + 4]);
}

Result<RecordHead> read_record_head(ByteView bytes) {
  if (bytes.size() < record_head_bytes) {
    return fail(ErrorKind::format, "the frame ends within a record's head");
  }
  RecordHead head;
  head.type = bytes[0];
  head.flags = bytes[1];
  head.length = load_word<std::uint32_t>(&bytes[4]);
  if ((head.flags & ~record_optional) != 0 || bytes[2] != 0 || bytes[3] != 0) {
    return fail(ErrorKind::format, fmt::format("a record has the unknown flags {}", head.flags));
  }
  if (head.length > bytes.size() - record_head_bytes) {
    return fail(ErrorKind::format, fmt::format("a record claims {} bytes, its frame has {} left",
                                               head.length, bytes.size() - record_head_bytes));
  }
  return head;
}

void write_number(std::uint64_t value, Bytes& out) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace gantry::host::recording
