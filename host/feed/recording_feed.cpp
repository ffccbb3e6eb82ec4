#include "host/feed/recording_feed.hpp"

#include <utility>

namespace gantry::host {

Result<RecordingFeed> RecordingFeed::open(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  return RecordingFeed(std::move(*reader));
}

std::optional<BlockInput> RecordingFeed::next() {
  while (!ended_) {
    auto record = reader_.next();
    if (!record) {
      // The block being read may lack facts: a snapshot of it would be of no block.
      damage_ = record.error().message;
      ended_ = true;
      open_.reset();
      return std::nullopt;
    }
    if (!*record || std::holds_alternative<recording::End>(**record)) {
      ended_ = true;
      return std::exchange(open_, std::nullopt);
    }
    if (auto* token = std::get_if<recording::Token>(&**record)) {
      ahead_.tokens.push_back(std::move(*token));
    } else if (auto* pool = std::get_if<recording::Pool>(&**record)) {
      ahead_.pools.push_back(std::move(*pool));
    } else if (const auto* event = std::get_if<recording::Event>(&**record)) {
      auto decoded = decode(*event);
      if (!decoded) {
        // What it would have done is not known.
        damage_ = decoded.error().message;
        ended_ = true;
        return std::exchange(open_, std::nullopt);
      }
      ahead_.events.push_back(std::move(*decoded));
    } else if (auto* fact = std::get_if<recording::Fact>(&**record)) {
      if (open_) open_->facts.push_back(std::move(*fact));
    } else if (const auto* block = std::get_if<recording::Block>(&**record)) {
      auto done = std::exchange(open_, std::exchange(ahead_, BlockInput()));
      open_->block = *block;
      if (done) return done;
    }
  }
  return std::nullopt;
}

}  // namespace gantry::host
