// Recordings that were made to harm: right checksums, wrong contents.
#include <lzma.h>
#include <zstd.h>

#include <catch2/catch.hpp>

#include "tests/host/recording/samples.hpp"

using namespace gantry::test;

namespace {

Bytes record_of(std::uint8_t type, const Bytes& payload, std::uint8_t flags = 0) {
  Bytes bytes;
  write_record_head({type, flags, static_cast<std::uint32_t>(payload.size())}, bytes);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

Bytes header_record() { return encoded({sample_header()}).front(); }

std::string error_of(const Bytes& file) {
  const auto read = read_all(file);
  return read.error ? read.error->message : "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a frame that claims 4 GB is refused before memory is taken") {
  const auto which = GENERATE(0, 1);
  FrameHead head;
  head.flags = frame_compressed;
  head.records = 1;
  head.stored_bytes = which == 0 ? 0xFFFFFFFF : 10;
  head.raw_bytes = which == 1 ? 0xFFFFFFFF : 10;
  const auto bytes = write_frame_head(head);
  REQUIRE(contains(error_of(file_of({Bytes(bytes.begin(), bytes.end())})), "the bound is"));
}

TEST_CASE("a frame that claims more than the file has is a cut") {
  FrameHead head;
  head.records = 1;
  head.stored_bytes = head.raw_bytes = frame_raw_bytes_max;
  const auto bytes = write_frame_head(head);
  REQUIRE(contains(error_of(file_of({Bytes(bytes.begin(), bytes.end())})), "cut within a frame"));
}

TEST_CASE("a zstd bomb is refused: its contents are larger than its frame says, or than allowed") {
  const Bytes zeros(64U << 20U, 0);
  Bytes bomb(ZSTD_compressBound(zeros.size()));
  bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 3));
  FrameHead head;
  head.flags = frame_compressed;
  head.records = 1;
  SECTION("larger than its frame says") {
    head.raw_bytes = 1000;
    REQUIRE(contains(error_of(file_of({frame_of(bomb, head)})), "sizes do not agree"));
  }
  SECTION("larger than allowed") {
    head.raw_bytes = 64U << 20U;
    REQUIRE(contains(error_of(file_of({frame_of(bomb, head)})), "the bound is"));
  }
  SECTION("many of them in one frame") {
    Bytes part(ZSTD_compressBound(1000));
    part.resize(ZSTD_compress(part.data(), part.size(), zeros.data(), 1000, 3));
    Bytes chain;
    for (int i = 0; i < 50; ++i) chain.insert(chain.end(), part.begin(), part.end());
    head.raw_bytes = 1000;
    REQUIRE(contains(error_of(file_of({frame_of(chain, head)})), "does not decompress"));
  }
}

TEST_CASE("a frame of damaged zstd with a right checksum is refused") {
  FrameHead head;
  head.flags = frame_compressed;
  head.records = 1;
  head.raw_bytes = 100;
  REQUIRE(contains(error_of(file_of({frame_of(Bytes(50, 0xAB), head)})), "sizes do not agree"));
}

TEST_CASE("a frame whose number of records does not fit its bytes is refused") {
  const Bytes header = header_record();
  const auto count = GENERATE(as<std::uint32_t>{}, 0, 2, 1000, 0xFFFFFFFF);
  FrameHead head;
  head.raw_bytes = static_cast<std::uint32_t>(header.size());
  head.records = count;
  CAPTURE(count);
  REQUIRE_FALSE(error_of(file_of({frame_of(header, head)})).empty());
}

TEST_CASE("a frame with bytes after its last record is refused") {
  Bytes payload = header_record();
  payload.push_back(0);
  FrameHead head;
  head.raw_bytes = static_cast<std::uint32_t>(payload.size());
  head.records = 1;
  REQUIRE(contains(error_of(file_of({frame_of(payload, head)})), "after its last record"));
}

TEST_CASE("a record that claims 4 GB is refused") {
  Bytes record = record_of(static_cast<std::uint8_t>(RecordType::event), Bytes(20, 0));
  SECTION("in its head") { store_word(std::uint32_t{0xFFFFFFFF}, &record[4]); }
  SECTION("in a length within it") {
    store_word(std::uint32_t{0xFFFFFFFF}, &record[record_head_bytes + 4]);
  }
  REQUIRE_FALSE(error_of(file_of({plain_frame({header_record(), record})})).empty());
}

TEST_CASE("a pool that claims 2^32-1 tokens is refused before memory is taken") {
  auto records = encoded({sample_header(), Pool{"v", evm_address(1), {}, {}}});
  // Past the head, the venue's length and its one byte, and the address with its kind.
  store_word(std::uint32_t{0xFFFFFFFF}, &records[1][record_head_bytes + 4 + 1 + 21]);
  REQUIRE(contains(error_of(file_of({plain_frame(records)})), "too short for what it announces"));
}

TEST_CASE("every record cut short or made longer is refused") {
  const auto records = encoded(sample_records());
  for (std::size_t at = 1; at < records.size(); ++at) {
    const std::vector<Bytes> before(records.begin(), records.begin() + static_cast<long>(at));
    const Bytes payload(records[at].begin() + record_head_bytes, records[at].end());
    for (std::size_t size = 0; size <= payload.size() + 1; ++size) {
      if (size == payload.size()) continue;
      Bytes other = payload;
      other.resize(size);
      auto altered = before;
      altered.push_back(record_of(records[at][0], other));
      const auto read = read_all(file_of({plain_frame(altered)}));
      CAPTURE(at, size);
      REQUIRE(read.error);
      REQUIRE(read.records.size() == at);
    }
  }
}

TEST_CASE("a step that is cut, too large or not of a compiled recording is refused") {
  const auto records = encoded({sample_header(), Compiled{compiled_version, Bytes(32, 7), "x\n"}});
  constexpr auto step = static_cast<std::uint8_t>(RecordType::steps);
  const auto read_after = [&](std::size_t kept, const Bytes& payload) {
    auto all = records;
    all.resize(kept);
    all.push_back(record_of(step, payload));
    return read_all(file_of({plain_frame(all)}));
  };
  // Its size, number 1, time 1, another fee of two bytes, a price of one, 3 facts, the sum, a
  // change.
  const Bytes whole{14, 2, 2, 7, 2, 1, 1, 1, 9, 3, 1, 2, 3, 4, 0x55};
  const auto good = read_after(2, whole);
  REQUIRE(good.records.size() == 4);
  CHECK(std::get<Block>(good.records[2]).number == 1);
  CHECK(std::get<Block>(good.records[2]).base_fee.limb[0] == 0x101);
  CHECK(std::get<Changes>(good.records[3]).facts == 3);
  CHECK(std::get<Changes>(good.records[3]).check == 0x04030201);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto cut = read_after(2, Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    REQUIRE(contains(cut.error->message, "too short"));
    REQUIRE(cut.records.size() == 2);
  }
  const auto with = [&](std::size_t at, std::uint8_t byte) {
    Bytes other = whole;
    other[at] = byte;
    return read_after(2, other);
  };
  CHECK(contains(with(3, 8).error->message, "cannot be"));            // a mark that is none
  CHECK(contains(with(4, 33).error->message, "cannot be"));           // an amount of 33 bytes
  Bytes many{12, 2, 2, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 2, 3, 4};  // 2^32 facts
  CHECK(contains(read_after(2, many).error->message, "cannot be"));
  CHECK(contains(read_after(1, whole).error->message, "not compiled"));
}

TEST_CASE("a record of an unknown type is refused, unless its writer marked it as optional") {
  const auto records = encoded({sample_header(), Token{evm_address(1), "A", 1}});
  const auto end_of = [](const std::vector<Bytes>& all) {
    std::uint64_t digest = 0;
    for (const Bytes& one : all) digest = lzma_crc64(one.data(), one.size(), digest);
    Bytes payload(7 * 8);
    store_word(std::uint64_t{1}, payload.data());
    store_word(digest, &payload[6 * 8]);
    return record_of(static_cast<std::uint8_t>(RecordType::end), payload);
  };
  const auto type = GENERATE(as<std::uint8_t>{}, 0, 12, 200, 255);
  SECTION("refused") {
    auto all = records;
    all.push_back(record_of(type, {1, 2, 3}));
    const auto read = read_all(file_of({plain_frame(all)}));
    REQUIRE(contains(read.error->message, "newer version of gantry"));
    REQUIRE(read.records.size() == 2);
  }
  SECTION("skipped, and part of the digest") {
    auto all = records;
    all.push_back(record_of(type, {1, 2, 3}, record_optional));
    all.push_back(end_of(all));
    auto reader = must(RecordingReader::open(
        std::make_unique<MemorySource>(file_of({plain_frame(all)})), "a recording"));
    int count = 0;
    while (must(reader.next())) ++count;
    REQUIRE(count == 3);
    REQUIRE(reader.skipped_records() == 1);
  }
  SECTION("as the first record it is refused even so") {
    REQUIRE_FALSE(error_of(file_of({plain_frame({record_of(type, {}, record_optional)})})).empty());
  }
}

TEST_CASE("an unknown type of frame, unknown flags and reserved bytes are refused") {
  Bytes frame = plain_frame({header_record()});
  const auto place = GENERATE(as<std::size_t>{}, 0, 1, 2, 3);
  frame[place] = static_cast<std::uint8_t>(frame[place] ^ 0x40U);
  store_word(crc32c(ByteView(frame).first(28)), &frame[28]);
  REQUIRE(contains(error_of(file_of({frame})), "unknown to this version"));
}

TEST_CASE("a newer version is refused, with what to do about it") {
  const auto version = GENERATE(as<std::uint32_t>{}, 0, format_version + 1, 0xFFFFFFFF);
  Bytes file = write_all(sample_records());
  const auto head = write_file_head(version);
  std::copy(head.begin(), head.end(), file.begin());
  REQUIRE(contains(error_of(file), "read it with the version of gantry that wrote it"));
}

TEST_CASE("the writer refuses what the reader would, and the recording goes on without it") {
  const auto bad = GENERATE(
      Record(Token{gantry_address{GANTRY_ADDRESS_EVM, 32, {}, {}}, "A", 1}),
      Record(Token{gantry_address{9, 0, {}, {}}, "A", 1}),
      Record(Token{gantry_address{GANTRY_ADDRESS_NONE, 0, {}, {1}}, "A", 1}),
      Record(Token{evm_address(1), std::string(text_bytes_max + 1, 'a'), 1}),
      Record(Token{evm_address(1), "a\x1b[2J", 1}), Record(Token{evm_address(1), "\xc3\xa9", 1}),
      Record(Pool{"v", evm_address(1), {1}, {}}),
      Record(Pool{"v", evm_address(1), std::vector<std::uint32_t>(pool_tokens_max + 1, 0), {}}),
      Record(Pool{"v", evm_address(1), {0}, Bytes(spec_bytes_max + 1)}),
      Record(Fact{1, FactKind::http, 0, 0, {}, {}, {}}),
      Record(Fact{0, static_cast<FactKind>(7), 0, 0, {}, {}, {}}),
      Record(Fact{0, FactKind::evm_log, 0, 0, {}, Bytes(31), {}}),
      Record(Fact{0, FactKind::evm_log, 0, 0, {}, Bytes(160), {}}),
      Record(Fact{0, FactKind::http, 0, 0, {}, {}, Bytes(fact_bytes_max + 1)}),
      Record(Fact{0, FactKind::http, 0, 0, {}, {}, {}, GANTRY_NEED_SIZE}),
      Record(Event{1, Bytes(payload_bytes_max + 1)}),
      Record(Decision{static_cast<DecisionKind>(0), 0, 0, {}}),
      Record(Decision{DecisionKind::batch, 0, 0, Bytes(payload_bytes_max + 1)}),
      Record(sample_header()), Record(End{}));
  Bytes bytes;
  auto writer = must(RecordingWriter::create(std::make_unique<MemorySink>(bytes)));
  must(writer.append(sample_header()));
  must(writer.append(Token{evm_address(1), "A", 1}));
  must(writer.append(Pool{"v", evm_address(2), {0}, {}}));
  must(writer.append(Block{}));
  REQUIRE_FALSE(writer.append(bad));
  must(writer.append(Event{}));
  must(writer.finish());
  const auto read = read_all(bytes);
  REQUIRE(read.whole());
  REQUIRE(read.records.size() == 6);
}

TEST_CASE("a fact before any block, and anything before the header, are refused") {
  Bytes bytes;
  auto writer = must(RecordingWriter::create(std::make_unique<MemorySink>(bytes)));
  REQUIRE_FALSE(writer.append(Block{}));
  must(writer.append(sample_header()));
  REQUIRE_FALSE(writer.append(Fact{}));
  must(writer.append(Block{}));
  must(writer.append(Fact{}));
  must(writer.finish());
  REQUIRE_FALSE(writer.append(Block{}));
}
