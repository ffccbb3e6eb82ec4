// Small recordings for the tests of this folder, in memory.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/recording/codec.hpp"
#include "host/recording/format.hpp"
#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"

namespace gantry::test {

using namespace gantry::host;
using namespace gantry::host::recording;

inline gantry_address evm_address(std::uint8_t seed) {
  gantry_address address{GANTRY_ADDRESS_EVM, 20, {}, {}};
  for (std::uint8_t i = 0; i < 20; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(seed * 31 + i * 7 + 1);
  }
  return address;
}

inline gantry_address solana_address(std::uint8_t seed) {
  gantry_address address{GANTRY_ADDRESS_SOLANA, 32, {}, {}};
  for (std::uint8_t i = 0; i < 32; ++i) address.bytes[i] = static_cast<std::uint8_t>(seed ^ i);
  return address;
}

inline Header sample_header() {
  return Header{format_version, "eip155:1", "synthetic: made by a test", "gantry test"};
}

// Every type of record, and every form that a field can take.
inline std::vector<Record> sample_records() {
  const gantry_amount large{{~0ULL, ~0ULL - 1, 3, 1ULL << 63U}};
  return {
      sample_header(),
      Token{evm_address(1), "WETH", 18},
      Token{evm_address(2), "", 0},
      Token{solana_address(3), "A B~!", 255},
      Token{gantry_address{GANTRY_ADDRESS_NATIVE, 0, {}, {}}, "ETH", 18},
      Pool{"uniswap_v2", evm_address(9), {0, 1}, {}},
      Pool{"balancer", gantry_address{GANTRY_ADDRESS_ID32, 32, {}, {7, 8}}, {0, 1, 2}, {1, 2, 3}},
      Event{-5, {}},
      Block{10'982'000, 1'601'726'400, gantry_amount{}, std::nullopt},
      Fact{0, FactKind::evm_call, 7, 0, evm_address(9), {}, Bytes(96, 0x5A)},
      Fact{0, FactKind::evm_log, 0, 3, evm_address(9), Bytes(32, 0x1C), Bytes(64, 1)},
      Fact{1, FactKind::evm_storage, 0, 0, evm_address(4), Bytes(128, 2), {}},
      Fact{no_pool, FactKind::http, 1, 0, gantry_address{}, {}, {'{', '}'}},
      Fact{no_pool, FactKind::solana_account, 1, 0, solana_address(4), {}, {0}},
      Fact{0, FactKind::evm_call, 0, 0, evm_address(9), {}, {8, 0xC3}, GANTRY_REFUSED},
      Fact{1, FactKind::evm_code_hash, 0, 0, evm_address(5), {}, Bytes(32, 6)},
      Token{evm_address(20), "LATE", 6},
      Pool{"", evm_address(21), {}, Bytes(300, 9)},
      Block{10'982'001, 1'601'726'413, large, large},
      Event{2, Bytes(50, 0xEE)},
      Decision{DecisionKind::plugin_set, 0, 0, {'s', 'e', 't'}},
      Decision{DecisionKind::delivered, 1, 10'982'001, {}},
      Decision{DecisionKind::skipped, 2, 10'982'000, {}},
      Decision{DecisionKind::verdict, 1, 10'982'001, {1}},
      Decision{DecisionKind::batch, 0xFFFFFFFF, ~0ULL, Bytes(10, 4)},
  };
}

// Fails the test by throwing: a sample that cannot be written is the test's own mistake.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline Bytes write_all(const std::vector<Record>& records, RecordingWriterOptions options = {}) {
  Bytes bytes;
  auto writer = must(RecordingWriter::create(std::make_unique<MemorySink>(bytes), options));
  for (const Record& record : records) must(writer.append(record));
  must(writer.finish());
  return bytes;
}

// The uncompressed bytes of each frame of a whole file.
inline std::vector<std::size_t> frame_sizes(const Bytes& bytes) {
  std::vector<std::size_t> sizes;
  for (std::size_t at = file_head_bytes; at < bytes.size();) {
    const auto head = must(read_frame_head(ByteView(bytes).subspan(at).first<frame_head_bytes>()));
    sizes.push_back(head.raw_bytes);
    at += frame_head_bytes + head.stored_bytes;
  }
  return sizes;
}

struct ReadAll {
  std::vector<Record> records;  // as far as it could be read
  std::optional<Error> error;
  RecordingReader::Position position;
  [[nodiscard]] bool whole() const { return !error; }
};

inline ReadAll read_all(Bytes bytes) {
  ReadAll result;
  auto reader =
      RecordingReader::open(std::make_unique<MemorySource>(std::move(bytes)), "a recording");
  if (!reader) {
    result.error = reader.error();
    return result;
  }
  while (true) {
    auto record = reader->next();
    result.position = reader->position();
    if (!record) {
      result.error = record.error();
      return result;
    }
    if (!*record) return result;
    result.records.push_back(std::move(**record));
  }
}

// The bytes of records one after the other: equal bytes are equal records.
inline std::vector<Bytes> encoded(const std::vector<Record>& records) {
  Sequence sequence;
  std::vector<Bytes> result;
  for (const Record& record : records) {
    must(sequence.check(record));
    encode(record, sequence, result.emplace_back());
    sequence.add(record, result.back());
  }
  return result;
}

// A frame with right checksums around a payload of the test's choice.
inline Bytes frame_of(Bytes payload, FrameHead head) {
  head.stored_bytes = static_cast<std::uint32_t>(payload.size());
  head.payload_crc = crc32c(payload);
  const auto bytes = write_frame_head(head);
  payload.insert(payload.begin(), bytes.begin(), bytes.end());
  return payload;
}

inline Bytes file_of(const std::vector<Bytes>& frames) {
  const auto head = write_file_head(format_version);
  Bytes file(head.begin(), head.end());
  for (const Bytes& frame : frames) file.insert(file.end(), frame.begin(), frame.end());
  return file;
}

// One uncompressed frame of whole records.
inline Bytes plain_frame(const std::vector<Bytes>& records, std::uint64_t first_record = 0) {
  Bytes payload;
  for (const Bytes& record : records) payload.insert(payload.end(), record.begin(), record.end());
  FrameHead head;
  head.raw_bytes = static_cast<std::uint32_t>(payload.size());
  head.records = static_cast<std::uint32_t>(records.size());
  head.first_record = first_record;
  return frame_of(std::move(payload), head);
}

}  // namespace gantry::test
