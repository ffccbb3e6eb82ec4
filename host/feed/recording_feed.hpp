// A recording as the street's input: one BlockInput for each block, in order.
//
// THREADS  One at a time: the feed's own thread.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "host/base/result.hpp"
#include "host/feed/feed.hpp"
#include "host/recording/reader.hpp"

namespace gantry::host {

class RecordingFeed final : public Feed {
 public:
  static Result<RecordingFeed> open(const std::filesystem::path& path);

  const recording::Header& header() const override { return reader_.header(); }
  // Damage ends the feed after the last whole block: damage() then says what and where.
  std::optional<BlockInput> next() override;
  const std::string& damage() const noexcept override { return damage_; }
  const recording::Compiled* compiled() const noexcept override { return compiled_.get(); }

 private:
  explicit RecordingFeed(RecordingReader reader) : reader_(std::move(reader)) {}
  Result<std::optional<recording::Record>> next_record();

  RecordingReader reader_;
  std::shared_ptr<const recording::Compiled> compiled_;
  std::optional<Result<std::optional<recording::Record>>> peeked_;  // behind the header
  std::optional<BlockInput> open_;  // its facts are still being read
  BlockInput ahead_;                // tokens and pools that belong to the next block
  bool ended_ = false;
  std::string damage_;
};

}  // namespace gantry::host
