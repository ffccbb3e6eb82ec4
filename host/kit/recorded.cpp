#include "host/kit/recorded.hpp"

#include <algorithm>

#include "host/recording/reader.hpp"

namespace gantry::host::kit {

Result<std::vector<RecordedPool>> read_recorded_pools(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  std::vector<recording::Token> tokens;
  std::vector<RecordedPool> pools;
  std::vector<std::uint64_t> block_of_facts;
  std::uint64_t block = 0;
  while (true) {
    auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    if (auto* token = std::get_if<recording::Token>(&**next)) {
      tokens.push_back(*token);
    } else if (auto* pool = std::get_if<recording::Pool>(&**next)) {
      RecordedPool made{pool->address, {}, {}, pool->spec, {}};
      for (const std::uint32_t handle : pool->tokens) {
        if (handle >= tokens.size()) break;
        made.tokens.push_back(tokens[handle].address);
        made.decimals.push_back(tokens[handle].decimals);
      }
      if (pools.size() < recorded_pools_max) {
        pools.push_back(std::move(made));
        block_of_facts.push_back(0);
      }
    } else if (auto* opened = std::get_if<recording::Block>(&**next)) {
      block = opened->number;
    } else if (std::holds_alternative<recording::Compiled>(**next)) {
      return fail(ErrorKind::usage,
                  path.string() +
                      ": it is compiled, and has no facts; give the recording that it "
                      "was made of");
    } else if (auto* fact = std::get_if<recording::Fact>(&**next)) {
      if (fact->pool >= pools.size()) continue;
      std::uint64_t& first = block_of_facts[fact->pool];
      if (first == 0) first = block;
      if (first == block) pools[fact->pool].facts.push_back(std::move(*fact));
    }
  }
  std::erase_if(pools, [](const RecordedPool& pool) { return pool.facts.empty(); });
  if (pools.empty()) {
    return fail(ErrorKind::not_found,
                path.string() + ": it has no pool with facts; give a recording of this venue");
  }
  return pools;
}

}  // namespace gantry::host::kit
