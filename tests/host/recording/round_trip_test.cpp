#include <catch2/catch.hpp>
#include <string_view>

#include "tests/host/recording/samples.hpp"

using namespace gantry::test;

namespace {

// Field by field, without the codec: what was put in is what comes out.
void require_equal(const gantry_address& a, const gantry_address& b) {
  REQUIRE(a.kind == b.kind);
  REQUIRE(a.length == b.length);
  REQUIRE(std::equal(std::begin(a.bytes), std::end(a.bytes), std::begin(b.bytes)));
}

void require_equal(const gantry_amount& a, const gantry_amount& b) {
  REQUIRE(std::equal(std::begin(a.limb), std::end(a.limb), std::begin(b.limb)));
}

struct Compare {
  const Record& other;

  void operator()(const Header& a) const {
    const auto& b = std::get<Header>(other);
    REQUIRE(a.version == b.version);
    REQUIRE(a.chain == b.chain);
    REQUIRE(a.provenance == b.provenance);
    REQUIRE(a.creator == b.creator);
  }
  void operator()(const Token& a) const {
    const auto& b = std::get<Token>(other);
    require_equal(a.address, b.address);
    REQUIRE(a.symbol == b.symbol);
    REQUIRE(a.decimals == b.decimals);
  }
  void operator()(const Pool& a) const {
    const auto& b = std::get<Pool>(other);
    REQUIRE(a.venue == b.venue);
    require_equal(a.address, b.address);
    REQUIRE(a.tokens == b.tokens);
    REQUIRE(a.spec == b.spec);
  }
  void operator()(const Block& a) const {
    const auto& b = std::get<Block>(other);
    REQUIRE(a.number == b.number);
    REQUIRE(a.time_s == b.time_s);
    require_equal(a.base_fee, b.base_fee);
    REQUIRE(a.gas_price.has_value() == b.gas_price.has_value());
    if (a.gas_price) require_equal(*a.gas_price, *b.gas_price);
  }
  void operator()(const Fact& a) const {
    const auto& b = std::get<Fact>(other);
    REQUIRE(a.pool == b.pool);
    REQUIRE(a.kind == b.kind);
    REQUIRE(a.tag == b.tag);
    REQUIRE(a.log_index == b.log_index);
    require_equal(a.source, b.source);
    REQUIRE(a.topics == b.topics);
    REQUIRE(a.data == b.data);
    REQUIRE(a.status == b.status);
  }
  void operator()(const Event& a) const {
    const auto& b = std::get<Event>(other);
    REQUIRE(a.kind == b.kind);
    REQUIRE(a.payload == b.payload);
  }
  void operator()(const Decision& a) const {
    const auto& b = std::get<Decision>(other);
    REQUIRE(a.kind == b.kind);
    REQUIRE(a.strategy == b.strategy);
    REQUIRE(a.snapshot == b.snapshot);
    REQUIRE(a.payload == b.payload);
  }
  void operator()(const Compiled& a) const {
    const auto& b = std::get<Compiled>(other);
    REQUIRE(a.version == b.version);
    REQUIRE(a.source == b.source);
    REQUIRE(a.venues == b.venues);
  }
  void operator()(const Changes& a) const {
    const auto& b = std::get<Changes>(other);
    REQUIRE(a.facts == b.facts);
    REQUIRE(a.check == b.check);
    REQUIRE(a.bytes == b.bytes);
  }
  void operator()(const End&) const { FAIL("a sample has no end"); }
};

void require_same(const std::vector<Record>& written, const ReadAll& read) {
  REQUIRE(read.whole());
  REQUIRE(read.records.size() == written.size() + 1);
  for (std::size_t i = 0; i < written.size(); ++i) {
    REQUIRE(written[i].index() == read.records[i].index());
    std::visit(Compare{read.records[i]}, written[i]);
  }
  REQUIRE(std::holds_alternative<End>(read.records.back()));
}

}  // namespace

TEST_CASE("every type of record comes back as it was written") {
  const auto records = sample_records();
  require_same(records, read_all(write_all(records)));
}

TEST_CASE("records come back the same however they were cut into frames") {
  const auto records = sample_records();
  const auto frame_bytes = GENERATE(as<std::size_t>{}, 1, 40, 200, 1000, 1U << 30U);
  const auto level = GENERATE(1, 3, 19);
  require_same(records, read_all(write_all(records, {level, frame_bytes})));
}

TEST_CASE("the end tells the counts and one digest, whatever the frames") {
  const auto records = sample_records();
  const auto one = read_all(write_all(records, {3, 1}));
  const auto other = read_all(write_all(records, {19, 1U << 20U}));
  const auto end = std::get<End>(one.records.back());
  REQUIRE(end.tokens == 5);
  REQUIRE(end.pools == 3);
  REQUIRE(end.blocks == 2);
  REQUIRE(end.facts == 7);
  REQUIRE(end.events == 2);
  REQUIRE(end.decisions == 5);
  REQUIRE(end.digest != 0);
  REQUIRE(end.digest == std::get<End>(other.records.back()).digest);
}

TEST_CASE("two recordings that differ in one byte differ in their digest") {
  auto records = sample_records();
  const auto before = std::get<End>(read_all(write_all(records)).records.back());
  std::get<Event>(records[19]).payload[49] ^= 1;
  const auto after = std::get<End>(read_all(write_all(records)).records.back());
  REQUIRE(before.digest != after.digest);
}

TEST_CASE("a recording of its header alone is whole") {
  const auto read = read_all(write_all({sample_header()}));
  REQUIRE(read.whole());
  REQUIRE(read.records.size() == 2);
  REQUIRE_FALSE(read.position.last_whole_block);
}

TEST_CASE("the largest fact comes back, and memory that does not compress is stored as it is") {
  Bytes noise(fact_bytes_max);
  std::uint64_t state = 1;
  for (auto& byte : noise) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::uint8_t>(state >> 56U);
  }
  std::vector<Record> records = {sample_header(), Block{}};
  for (int i = 0; i < 2; ++i) {
    records.push_back(Fact{no_pool, FactKind::http, 0, 0, gantry_address{}, {}, noise});
  }
  const Bytes file = write_all(records, {1, 1U << 30U});
  REQUIRE(file.size() > 2 * fact_bytes_max);
  require_same(records, read_all(file));
}

TEST_CASE("the reader says which block was the last whole one") {
  auto reader = must(RecordingReader::open(
      std::make_unique<MemorySource>(write_all(sample_records())), "a recording"));
  REQUIRE(reader.header().chain == "eip155:1");
  while (must(reader.next())) {
  }
  REQUIRE(reader.position().last_whole_block == 10'982'001U);
  REQUIRE_FALSE(must(reader.next()));
}

TEST_CASE("the records of a compiled recording survive the round trip") {
  const std::vector<Record> records = {
      sample_header(),
      Compiled{compiled_version, Bytes(32, 7), "chain block_time_s = 12\n"},
      Token{evm_address(1), "WETH", 18},
      Pool{"uniswap_v2", evm_address(9), {0}, {}},
      Block{1, 2, gantry_amount{}, std::nullopt},
      Fact{no_pool, FactKind::http, 1, 0, gantry_address{}, {}, {'{', '}'}},
      Changes{3, 0xFFFFFFFA, Bytes(5000, 0x5A)},
      Changes{},
  };
  require_same(records, read_all(write_all(records)));
}

TEST_CASE("blocks and their changes are one record, whatever differs from the block before") {
  const auto amount = [](std::uint64_t low, std::uint64_t high = 0) {
    gantry_amount out{};
    out.limb[0] = low;
    out.limb[3] = high;
    return out;
  };
  const std::uint64_t most = ~std::uint64_t{0};
  std::vector<Record> records = {
      sample_header(),
      Compiled{compiled_version, Bytes(32, 7), "chain block_time_s = 12\n"},
      Block{most, most, amount(0), std::nullopt},
  };
  for (const Block& block : {
           Block{0, 0, amount(1), std::nullopt},                     // both wrap
           Block{1, 12, amount(1), amount(5)},                       // a first price
           Block{2, 24, amount(300, most), amount(5)},               // a wide fee
           Block{2, 24, amount(300, most), amount(0)},               // the same block, a price of 0
           Block{1, 11, amount(0), std::nullopt},                    // back
           Block{std::uint64_t{1} << 63U, 0, amount(0), amount(7)},  // as far as can be
       }) {
    records.emplace_back(block);
    records.emplace_back(Changes{0xFFFFFFFF, 0x80000001, {1, 2, 3}});
    records.emplace_back(Changes{1, 0, {}});
  }
  records.emplace_back(Block{5, 5, amount(9), std::nullopt});
  records.emplace_back(Event{3, {}});
  records.emplace_back(Block{6, 6, amount(9), std::nullopt});
  const std::size_t frame_bytes = GENERATE(1U, 40U, 1U << 20U);
  const auto bytes = write_all(records, {1, frame_bytes});
  require_same(records, read_all(bytes));
  // As small as it is said to be: size, number, time, marks, facts, sum and what is changed.
  const std::vector<Record> plain(records.begin(), records.begin() + 4);
  auto more = plain;
  more.emplace_back(Changes{3, 1, {9}});
  more.emplace_back(Block{1, 12, amount(1), std::nullopt});
  more.emplace_back(Changes{3, 1, {9}});
  const auto size_of = [](const std::vector<Record>& all) {
    std::size_t size = 0;
    for (const std::size_t frame : frame_sizes(write_all(all, {1, 1U << 20U}))) size += frame;
    return size;
  };
  auto fewer = more;
  fewer.resize(5);
  CHECK(size_of(more) - size_of(fewer) == 10);
}

TEST_CASE("frames are summed by CRC-32C, whatever their length") {
  const auto of = [](std::string_view text) {
    return crc32c(ByteView(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  };
  // RFC 3720, B.4, and the check value of the CRC catalogue.
  CHECK(of("123456789") == 0xE3069283);
  CHECK(crc32c(Bytes(32, 0)) == 0x8A9136AA);
  CHECK(crc32c(Bytes(32, 0xFF)) == 0x62A8AB43);
  CHECK(of("") == 0);
  Bytes bytes;
  for (int size = 0; size < 100; ++size) {
    Crc32c table;
    table.process_bytes(bytes.data(), bytes.size());
    CHECK(crc32c(bytes) == table.checksum());
    bytes.push_back(static_cast<std::uint8_t>(size * 37));
  }
}
