// All simple cycles of a market, stored once each, and which of them a pool's update touches.
//
// A pool of n tokens gives n(n-1)/2 edges. A cycle visits no token twice and no pool twice: a route
// through one pool twice would need the pool's state after its own first swap, and in a pool of
// many tokens it only takes the long way round. Two hops are two different pools of one pair.
// UNITS      A directed edge is (edge << 1 | direction); direction 0 goes from token0 to token1.
// THREADS    build() by one thread; everything else is const and may run concurrently.
// ERRORS     None. What did not fit the limits is counted in report(), never left out in silence.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace gantry::search {

inline constexpr std::uint32_t hops_min = 2;
inline constexpr std::uint32_t hops_max = 6;

// Tokens are the host's handles, any numbers; a pool is known by its place in the list.
struct PoolTokens {
  std::span<const std::uint32_t> tokens;
};

struct Edge {
  std::uint32_t pool;
  std::uint32_t token0;
  std::uint32_t token1;
};

struct CycleLimits {
  std::uint32_t max_hops = 4;  // hops_min to hops_max; outside it is brought inside
  std::uint32_t max_cycles = 4'000'000;
  std::uint64_t max_steps = 1'000'000'000;  // hops that the search may try, about 2 ns each
};

struct CycleReport {
  std::uint64_t kept = 0;
  std::uint64_t dropped = 0;  // found beyond max_cycles; the longest go first
  bool complete = true;       // false: max_steps ended the search, and dropped is a lower bound
};

class CycleIndex {
 public:
  // Forgets what it held. Allocates; call it when the set of pools changed, not when a state did.
  void build(std::span<const PoolTokens> pools, const CycleLimits& limits) {
    edges_ = pair_up(pools);
    search({}, limits);
  }
  // Only cycles that have an edge of which `is_required`, bool(const Edge&), holds.
  template <class IsRequired>
  void build(std::span<const PoolTokens> pools, const CycleLimits& limits,
             IsRequired&& is_required) {
    edges_ = pair_up(pools);
    std::vector<std::uint8_t> required(edges_.size());
    for (std::size_t i = 0; i < edges_.size(); ++i) required[i] = is_required(edges_[i]) ? 1 : 0;
    search(required, limits);
  }

  const CycleReport& report() const { return report_; }
  std::span<const Edge> edges() const { return edges_; }
  std::uint32_t pool_count() const { return pool_count_; }

  // The edges of a pool are consecutive: [first, last). A pair (i, j), i < j, of the pool's tokens
  // comes in the order (0,1), (0,2), ... (1,2), ...; one of equal tokens is left out.
  struct EdgeRange {
    std::uint32_t first;
    std::uint32_t last;
  };
  EdgeRange edges_of(std::uint32_t pool) const {
    return {edge_begin_[pool], edge_begin_[pool + 1]};
  }

  // Cycles are numbered by length, the short ones first.
  std::uint32_t cycle_count() const { return first_cycle_[hops_max + 1]; }
  std::uint32_t first_cycle(std::uint32_t hops) const { return first_cycle_[hops]; }
  std::uint32_t cycle_count(std::uint32_t hops) const {
    return first_cycle_[hops + 1] - first_cycle_[hops];
  }
  std::uint32_t hops(std::uint32_t cycle) const {
    std::uint32_t length = hops_min;
    while (cycle >= first_cycle_[length + 1]) ++length;
    return length;
  }
  // The directed edges in order. The way back is the reverse order with each lowest bit flipped.
  std::span<const std::uint32_t> cycle(std::uint32_t cycle) const {
    const std::uint32_t length = hops(cycle);
    return {arena_.data() + arena_offset(length, cycle), length};
  }
  // Where the edges of `cycle`, which has `hops` hops, begin: for loops over one length.
  const std::uint32_t* cycle_edges(std::uint32_t hops, std::uint32_t cycle) const {
    return arena_.data() + arena_offset(hops, cycle);
  }
  // Ascending.
  std::span<const std::uint32_t> cycles_of(std::uint32_t pool) const {
    return {touched_.data() + touched_begin_[pool],
            touched_begin_[pool + 1] - touched_begin_[pool]};
  }

  std::size_t memory_bytes() const;

 private:
  std::size_t arena_offset(std::uint32_t hops, std::uint32_t cycle) const {
    return arena_begin_[hops] + std::size_t{cycle - first_cycle_[hops]} * hops;
  }
  std::vector<Edge> pair_up(std::span<const PoolTokens> pools);
  void search(std::span<const std::uint8_t> required, const CycleLimits& limits);
  void index_pools();

  std::vector<Edge> edges_;
  std::vector<std::uint32_t> edge_begin_;
  std::vector<std::uint32_t> arena_;
  std::vector<std::uint32_t> touched_begin_;
  std::vector<std::uint32_t> touched_;
  std::array<std::uint32_t, hops_max + 2> first_cycle_{};
  std::array<std::size_t, hops_max + 2> arena_begin_{};
  std::uint32_t pool_count_ = 0;
  CycleReport report_;
};

namespace detail {

struct Neighbour {
  std::uint32_t token;  // by rank, see Graph
  std::uint32_t edge;   // directed, from the list's token to `token`
};

// Tokens are renamed by rank: the most connected one is 0. The search roots each cycle at its
// lowest rank and never goes below it, so a hub is left behind once it was root, and the work stays
// near the number of cycles (the ordering of Chiba and Nishizeki, SIAM J. Comput. 14, 1985).
struct Graph {
  std::vector<std::uint32_t> begin;  // per token, and one more
  std::vector<Neighbour> neighbours;

  std::uint32_t token_count() const { return static_cast<std::uint32_t>(begin.size() - 1); }
};

inline std::vector<Edge> pair_up(std::span<const PoolTokens> pools,
                                 std::vector<std::uint32_t>& edge_begin) {
  std::vector<Edge> edges;
  edges.reserve(pools.size());
  edge_begin.assign(1, 0);
  edge_begin.reserve(pools.size() + 1);
  for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
    const std::span<const std::uint32_t> tokens = pools[pool].tokens;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      for (std::size_t j = i + 1; j < tokens.size(); ++j) {
        if (tokens[i] != tokens[j]) edges.push_back({pool, tokens[i], tokens[j]});
      }
    }
    edge_begin.push_back(static_cast<std::uint32_t>(edges.size()));
  }
  return edges;
}

// rank[i] is the rank of the i-th token of the sorted list.
inline std::vector<std::uint32_t> rank_by_degree(const std::vector<std::uint32_t>& degree) {
  std::vector<std::uint32_t> order(degree.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t left, std::uint32_t right) {
    return degree[left] > degree[right];
  });
  std::vector<std::uint32_t> rank(order.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  return rank;
}

inline Graph connect(std::span<const Edge> edges) {
  std::vector<std::uint32_t> tokens;
  tokens.reserve(edges.size() * 2);
  for (const Edge& edge : edges) {
    tokens.push_back(edge.token0);
    tokens.push_back(edge.token1);
  }
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  const auto place = [&](std::uint32_t token) {
    return static_cast<std::size_t>(std::lower_bound(tokens.begin(), tokens.end(), token) -
                                    tokens.begin());
  };
  std::vector<std::uint32_t> degree(tokens.size());
  for (const Edge& edge : edges) {
    ++degree[place(edge.token0)];
    ++degree[place(edge.token1)];
  }
  const std::vector<std::uint32_t> rank = rank_by_degree(degree);

  Graph graph;
  graph.begin.assign(tokens.size() + 1, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) graph.begin[rank[i] + 1] = degree[i];
  std::partial_sum(graph.begin.begin(), graph.begin.end(), graph.begin.begin());
  graph.neighbours.resize(edges.size() * 2);
  std::vector<std::uint32_t> next(graph.begin.begin(), graph.begin.end() - 1);
  for (std::uint32_t edge = 0; edge < edges.size(); ++edge) {
    const std::uint32_t rank0 = rank[place(edges[edge].token0)];
    const std::uint32_t rank1 = rank[place(edges[edge].token1)];
    graph.neighbours[next[rank0]++] = {rank1, edge << 1};
    graph.neighbours[next[rank1]++] = {rank0, edge << 1 | 1U};
  }
  for (std::uint32_t token = 0; token < graph.token_count(); ++token) {
    std::sort(graph.neighbours.begin() + graph.begin[token],
              graph.neighbours.begin() + graph.begin[token + 1],
              [](const Neighbour& left, const Neighbour& right) {
                return left.token != right.token ? left.token < right.token
                                                 : left.edge < right.edge;
              });
  }
  return graph;
}

// One length at a time, so that the limits cost the longest cycles first.
class CycleSearch {
 public:
  // `required`: by edge, and a cycle has one at least; empty: any will do.
  CycleSearch(const Graph& graph, std::span<const Edge> edges,
              std::span<const std::uint8_t> required, const CycleLimits& limits,
              std::vector<std::uint32_t>& arena, CycleReport& report)
      : graph_(graph),
        edges_(edges),
        required_(required),
        limits_(limits),
        arena_(arena),
        report_(report),
        first_left_(graph.token_count()),
        to_root_(graph.token_count(), none),
        on_path_(graph.token_count(), 0) {}

  void run(std::uint32_t length) {
    length_ = length;
    std::copy(graph_.begin.begin(), graph_.begin.end() - 1, first_left_.begin());
    for (std::uint32_t root = 0; root < graph_.token_count() && report_.complete; ++root) {
      const std::uint32_t first = first_left_[root];
      const std::uint32_t last = graph_.begin[root + 1];
      for (std::uint32_t i = last; i > first; --i) {
        to_root_[graph_.neighbours[i - 1].token] = i - 1;
      }
      root_end_ = last;
      on_path_[root] = 1;
      extend(root, 0);
      on_path_[root] = 0;
      for (std::uint32_t i = first; i < last; ++i) {
        const std::uint32_t token = graph_.neighbours[i].token;
        to_root_[token] = none;
        // The root is done: nobody may go back to it. It leads each neighbour's list.
        while (first_left_[token] < graph_.begin[token + 1] &&
               graph_.neighbours[first_left_[token]].token <= root) {
          ++first_left_[token];
        }
      }
    }
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  void extend(std::uint32_t token, std::uint32_t depth) {
    const std::uint32_t last = graph_.begin[token + 1];
    for (std::uint32_t i = first_left_[token]; i < last; ++i) {
      if (++steps_ > limits_.max_steps) {
        report_.complete = false;
        return;
      }
      const Neighbour next = graph_.neighbours[i];
      if (on_path_[next.token] != 0 || pool_on_path(next.edge, depth)) continue;
      path_[depth] = next.edge;
      if (depth + 2 == length_) {
        close(next.token, depth + 1);
        continue;
      }
      on_path_[next.token] = 1;
      extend(next.token, depth + 1);
      on_path_[next.token] = 0;
      if (!report_.complete) return;
    }
  }

  // Each way back to the root. Of a cycle's two directions the one whose first edge has the lower
  // number is kept: the root is fixed, and the first and last edges differ.
  void close(std::uint32_t token, std::uint32_t depth) {
    if (to_root_[token] == none) return;
    for (std::uint32_t i = to_root_[token]; i < root_end_ && graph_.neighbours[i].token == token;
         ++i) {
      const std::uint32_t edge = graph_.neighbours[i].edge ^ 1U;
      if (edge >> 1 <= path_[0] >> 1 || pool_on_path(edge, depth)) continue;
      if (!required_.empty() && !meets_required(edge, depth)) continue;
      if (report_.kept >= limits_.max_cycles) {
        ++report_.dropped;
        continue;
      }
      path_[depth] = edge;
      arena_.insert(arena_.end(), path_.begin(), path_.begin() + length_);
      ++report_.kept;
    }
  }

  bool meets_required(std::uint32_t edge, std::uint32_t depth) const {
    if (required_[edge >> 1] != 0) return true;
    for (std::uint32_t i = 0; i < depth; ++i) {
      if (required_[path_[i] >> 1] != 0) return true;
    }
    return false;
  }
  bool pool_on_path(std::uint32_t edge, std::uint32_t depth) const {
    const std::uint32_t pool = edges_[edge >> 1].pool;
    for (std::uint32_t i = 0; i < depth; ++i) {
      if (edges_[path_[i] >> 1].pool == pool) return true;
    }
    return false;
  }

  const Graph& graph_;
  std::span<const Edge> edges_;
  std::span<const std::uint8_t> required_;
  const CycleLimits& limits_;
  std::vector<std::uint32_t>& arena_;
  CycleReport& report_;
  std::vector<std::uint32_t> first_left_;  // neighbours of a rank not yet used up as root
  std::vector<std::uint32_t> to_root_;     // first of the root's list that leads to the token
  std::uint32_t root_end_ = 0;
  std::vector<std::uint8_t> on_path_;
  std::array<std::uint32_t, hops_max> path_{};
  std::uint32_t length_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace detail

inline std::vector<Edge> CycleIndex::pair_up(std::span<const PoolTokens> pools) {
  pool_count_ = static_cast<std::uint32_t>(pools.size());
  return detail::pair_up(pools, edge_begin_);
}

inline void CycleIndex::search(std::span<const std::uint8_t> required, const CycleLimits& limits) {
  report_ = {};
  arena_.clear();
  first_cycle_.fill(0);
  arena_begin_.fill(0);
  const detail::Graph graph = detail::connect(edges_);
  detail::CycleSearch found(graph, edges_, required, limits, arena_, report_);
  const std::uint32_t max_hops = std::clamp(limits.max_hops, hops_min, hops_max);
  for (std::uint32_t hops = hops_min; hops <= hops_max; ++hops) {
    first_cycle_[hops] = static_cast<std::uint32_t>(report_.kept);
    arena_begin_[hops] = arena_.size();
    if (hops <= max_hops && report_.complete) found.run(hops);
  }
  first_cycle_[hops_max + 1] = static_cast<std::uint32_t>(report_.kept);
  arena_begin_[hops_max + 1] = arena_.size();
  arena_.shrink_to_fit();
  index_pools();
}

inline void CycleIndex::index_pools() {
  touched_begin_.assign(std::size_t{pool_count_} + 1, 0);
  for (const std::uint32_t directed : arena_) ++touched_begin_[edges_[directed >> 1].pool + 1];
  std::partial_sum(touched_begin_.begin(), touched_begin_.end(), touched_begin_.begin());
  touched_.assign(arena_.size(), 0);
  std::vector<std::uint32_t> next(touched_begin_.begin(), touched_begin_.end() - 1);
  for (std::uint32_t hops = hops_min; hops <= hops_max; ++hops) {
    for (std::uint32_t id = first_cycle_[hops]; id < first_cycle_[hops + 1]; ++id) {
      const std::uint32_t* edge = cycle_edges(hops, id);
      for (std::uint32_t i = 0; i < hops; ++i) {
        touched_[next[edges_[edge[i] >> 1].pool]++] = id;
      }
    }
  }
}

inline std::size_t CycleIndex::memory_bytes() const {
  return edges_.capacity() * sizeof(Edge) +
         sizeof(std::uint32_t) * (edge_begin_.capacity() + arena_.capacity() +
                                  touched_begin_.capacity() + touched_.capacity());
}

}  // namespace gantry::search
