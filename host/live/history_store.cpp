#include "host/live/history_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <variant>

#include "host/base/durable_file.hpp"
#include "host/base/version.hpp"
#include "host/market/market_event.hpp"
#include "host/market/topology.hpp"
#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"

namespace gantry::host {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> no_history(const fs::path& path, const std::string& why) {
  return fail(ErrorKind::format, fmt::format("{}: {}", path.string(), why));
}

bool is_same_series(const PastPrices& a, const PastPrices& b) {
  return AddressEqual{}(a.token, b.token) && AddressEqual{}(a.quote, b.quote) &&
         a.interval_s == b.interval_s;
}

}  // namespace

Result<HistoryStore> HistoryStore::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("{}: prices cannot be kept there: {}; set `state` in [risk] to a "
                            "folder that this user may write to",
                            folder.string(), error.message()));
  }
  return HistoryStore(folder);
}

// A chain's id has letters, digits, '-', '_' and one ':', which some file systems do not take.
fs::path HistoryStore::file_of(std::string_view chain) const {
  std::string name(chain);
  std::ranges::replace(name, ':', '.');
  return folder_ / (name + ".prices");
}

Result<std::vector<PastPrices>> HistoryStore::read(std::string_view chain) const {
  const fs::path path = file_of(chain);
  std::vector<PastPrices> all;
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return all;
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  if (reader->header().chain != chain) {
    return no_history(path,
                      fmt::format("is of the chain {}, not of {}", reader->header().chain, chain));
  }
  while (true) {
    auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return all;
    if (std::holds_alternative<recording::Header>(**record) ||
        std::holds_alternative<recording::End>(**record)) {
      continue;
    }
    const auto* event = std::get_if<recording::Event>(&**record);
    if (event == nullptr || event->kind != static_cast<std::int32_t>(MarketEventKind::past)) {
      return no_history(path, "is a recording of something else than prices of an earlier run");
    }
    auto one = decode_past(event->payload);
    if (!one || all.size() == past_series_max) {
      return no_history(path, "holds prices that cannot be");
    }
    all.push_back(std::move(*one));
  }
}

Status HistoryStore::write(std::string_view chain, std::span<const PastPrices> past) const {
  std::vector<std::uint8_t> bytes;
  auto writer = RecordingWriter::create(std::make_unique<recording::MemorySink>(bytes));
  if (!writer) return std::unexpected(writer.error());
  recording::Header header;
  header.chain = chain;
  header.provenance = "prices that strategies look back at, as a run on the chain kept them";
  header.creator = fmt::format("gantry {}", version_text);
  if (auto done = writer->append(header); !done) return done;
  for (const PastPrices& one : past) {
    const MarketEvent event{MarketEventKind::past, 0, 0, {}, encode(one)};
    if (auto done = writer->append(encode(event)); !done) return done;
  }
  if (auto done = writer->finish(); !done) return std::unexpected(done.error());
  return write_durably(file_of(chain), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Status HistoryStore::put_aside(std::string_view chain) const {
  const std::filesystem::path file = file_of(chain);
  std::filesystem::path aside = file;
  aside += ".damaged";
  std::error_code error;
  std::filesystem::rename(file, aside, error);
  if (!error) return {};
  return fail(ErrorKind::io,
              fmt::format("{} cannot be renamed: {}", file.string(), error.message()));
}

std::vector<PastPrices> with_others(std::vector<PastPrices> now,
                                    std::span<const PastPrices> before) {
  for (const PastPrices& one : before) {
    const auto same = std::ranges::find_if(
        now, [&](const PastPrices& other) { return is_same_series(one, other); });
    if (same != now.end()) {
      // Of a strategy that came after the run had begun, which began with none.
      const std::uint64_t begin_s = same->samples.front().time_s;
      const auto older = std::ranges::find_if(
          one.samples, [&](const gantry_sample& sample) { return sample.time_s >= begin_s; });
      const auto room = static_cast<std::ptrdiff_t>(
          past_samples_max - std::min<std::size_t>(same->samples.size(), past_samples_max));
      const auto first = older - std::min(older - one.samples.begin(), room);
      same->samples.insert(same->samples.begin(), first, older);
    } else if (now.size() < past_series_max) {
      now.push_back(one);
    }
  }
  return now;
}

}  // namespace gantry::host
