// What a run keeps of prices for the next one, and files that are none of it.
#include "host/live/history_store.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "host/market/market_event.hpp"
#include "host/recording/writer.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::host {
namespace {

using test::TemporaryFolder;

constexpr const char* chain = "eip155:1";

gantry_address account(std::uint8_t number) {
  gantry_address out{GANTRY_ADDRESS_EVM, 20, {}, {}};
  out.bytes[19] = number;
  return out;
}

PastPrices series(std::uint8_t token, std::uint64_t interval_s, std::uint64_t samples) {
  PastPrices out{account(token), account(0), interval_s, {}};
  for (std::uint64_t i = 0; i < samples; ++i) {
    out.samples.push_back({1'000'000 + i * 60, 1.0 + static_cast<double>(i) / 7});
  }
  return out;
}

bool is_same(const PastPrices& a, const PastPrices& b) { return encode(a) == encode(b); }

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A recording with the header of `of` and these records.
void record(const std::filesystem::path& path, const std::string& of,
            const std::vector<recording::Record>& records) {
  auto writer = RecordingWriter::create(path);
  REQUIRE(writer);
  REQUIRE(writer->append(recording::Header{recording::format_version, of, "A test's.", "tests"}));
  for (const auto& one : records) REQUIRE(writer->append(one));
  REQUIRE(writer->finish());
}

}  // namespace

TEST_CASE("prices that a run kept are the next one's to the bit, chain by chain") {
  const TemporaryFolder folder;
  const auto store = HistoryStore::open(folder.path() / "made" / "here");
  REQUIRE(store);
  const auto nothing = store->read(chain);
  REQUIRE(nothing);
  CHECK(nothing->empty());
  const std::vector<PastPrices> one = {series(1, 0, 3), series(2, 11, past_samples_max)};
  const std::vector<PastPrices> two = {series(3, 5, 1)};
  REQUIRE(store->write(chain, one));
  REQUIRE(store->write("eip155:10", two));
  REQUIRE(store->write("eip155:10", two));  // in its place
  const auto back = store->read(chain);
  REQUIRE(back);
  REQUIRE(back->size() == 2);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(is_same((*back)[i], one[i]));
  REQUIRE(store->read("eip155:10"));
  CHECK(is_same(store->read("eip155:10")->front(), two.front()));
  for (const auto& file : std::filesystem::directory_iterator(folder.path() / "made" / "here")) {
    CHECK(file.path().extension() == ".prices");
  }
}

TEST_CASE("what a strategy of an earlier run asked for stays until its series is kept anew") {
  const std::vector<PastPrices> before = {series(1, 0, 3), series(2, 11, 4)};
  const auto both = with_others({series(2, 11, 9), series(2, 12, 1)}, before);
  REQUIRE(both.size() == 3);
  CHECK(both[0].samples.size() == 9);
  CHECK(is_same(both[2], before[0]));
  std::vector<PastPrices> many(past_series_max, series(9, 1, 1));
  CHECK(with_others(many, before).size() == past_series_max);
}

TEST_CASE("a series that a run began late does not cost what was kept of it") {
  const std::vector<PastPrices> before = {series(2, 11, 40)};
  PastPrices late = series(2, 11, 60);
  late.samples.erase(late.samples.begin(), late.samples.begin() + 35);
  const auto both = with_others({late}, before);
  REQUIRE(both.size() == 1);
  CHECK(is_same(both[0], series(2, 11, 60)));
  // As many as a history holds: the newest.
  const auto most = with_others({series(2, 11, past_samples_max)}, before);
  CHECK(is_same(most[0], series(2, 11, past_samples_max)));
  PastPrices full = series(2, 11, past_samples_max + 20);
  full.samples.erase(full.samples.begin(), full.samples.begin() + 30);
  const auto cut = with_others({full}, before);
  REQUIRE(cut[0].samples.size() == past_samples_max);
  CHECK(cut[0].samples.front().time_s == before[0].samples[20].time_s);
  CHECK(makes_sense(cut[0]));
}

TEST_CASE("a damaged file is kept by another name") {
  const TemporaryFolder folder;
  const auto store = HistoryStore::open(folder.path());
  REQUIRE(store);
  put(store->file_of(chain), "no prices");
  REQUIRE_FALSE(store->read(chain));
  REQUIRE(store->put_aside(chain));
  CHECK(bytes_of(store->file_of(chain).string() + ".damaged") == "no prices");
  REQUIRE(store->read(chain));
  CHECK(store->read(chain)->empty());
  CHECK(store->put_aside(chain).error().kind == ErrorKind::io);
}

TEST_CASE("a file that is cut, turned, of another chain or no history is refused with its name") {
  const TemporaryFolder folder;
  const auto store = HistoryStore::open(folder.path());
  REQUIRE(store);
  const auto path = store->file_of(chain);
  const auto refused = [&](const std::string& why) {
    const auto read = store->read(chain);
    REQUIRE_FALSE(read);
    INFO(read.error().message);
    CHECK(read.error().message.contains(path.string()));
    CHECK(read.error().message.contains(why));
  };
  REQUIRE(store->write(chain, std::vector{series(1, 11, 40), series(2, 11, 40)}));
  const std::string whole = bytes_of(path);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    put(path, whole.substr(0, size));
    REQUIRE_FALSE(store->read(chain));
  }
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    std::string turned = whole;
    turned[at] = static_cast<char>(turned[at] ^ 0x10);
    put(path, turned);
    REQUIRE_FALSE(store->read(chain));
  }
  put(path, "");
  refused("");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  refused("");
  std::filesystem::remove(path);

  record(path, "eip155:10", {});
  refused("is of the chain eip155:10, not of eip155:1");
  record(path, chain, {recording::Block{1, 1, {}, {}}});
  refused("is a recording of something else");
  record(path, chain, {encode(MarketEvent{MarketEventKind::keep, 3, 0, {}})});
  refused("is a recording of something else");
  record(path, chain, {recording::Event{static_cast<std::int32_t>(MarketEventKind::past), {1, 2}}});
  refused("holds prices that cannot be");
  std::vector<recording::Record> many(
      past_series_max + 1,
      encode(MarketEvent{MarketEventKind::past, 0, 0, {}, encode(series(1, 1, 1))}));
  record(path, chain, many);
  refused("holds prices that cannot be");
  many.pop_back();
  record(path, chain, many);
  CHECK(store->read(chain));
}

TEST_CASE("a folder for prices that cannot be had says which setting names it") {
  const TemporaryFolder folder;
  put(folder.path() / "file", "text");
  const auto store = HistoryStore::open(folder.path() / "file" / "history");
  REQUIRE_FALSE(store);
  CHECK(store.error().message.contains("set `state` in [risk]"));
}

}  // namespace gantry::host
