// Blocks of a feed, through a recording and back.
#pragma once
#include <catch2/catch.hpp>
#include <vector>

#include "host/feed/recording_feed.hpp"
#include "host/market/market_event.hpp"
#include "host/recording/writer.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {

// What a recording of these blocks gives back.
inline std::vector<host::BlockInput> through_a_file(const host::recording::Header& header,
                                                    const std::vector<host::BlockInput>& inputs) {
  TemporaryFolder folder;
  const auto path = folder / "blocks.gantry";
  auto writer = host::RecordingWriter::create(path);
  REQUIRE(writer);
  REQUIRE(writer->append(header));
  for (const host::BlockInput& input : inputs) {
    for (const auto& token : input.tokens) REQUIRE(writer->append(token));
    for (const auto& pool : input.pools) REQUIRE(writer->append(pool));
    for (const auto& event : input.events) REQUIRE(writer->append(host::encode(event)));
    REQUIRE(writer->append(input.block));
    for (const auto& fact : input.facts) REQUIRE(writer->append(fact));
  }
  REQUIRE(writer->finish());
  auto feed = host::RecordingFeed::open(path);
  REQUIRE(feed);
  std::vector<host::BlockInput> read;
  while (auto input = feed->next()) read.push_back(std::move(*input));
  CHECK(feed->damage().empty());
  return read;
}

}  // namespace gantry::test
