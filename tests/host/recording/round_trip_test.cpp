#include <catch2/catch.hpp>

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
