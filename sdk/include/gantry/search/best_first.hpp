// What a strategy emits of one snapshot: the best first, and no more than so many.
//
// THREADS  One at a time. Allocates in reserve(), and in add() beyond what was reserved.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "gantry/strategy.hpp"

namespace gantry::search {

class BestFirst {
 public:
  BestFirst(Host host, std::size_t opportunities_max)
      : host_(host), opportunities_max_(opportunities_max) {}

  void reserve(std::size_t count) { all_.reserve(count); }
  void clear() { all_.clear(); }
  // The higher score comes first; among equal ones the lower key.
  void add(const gantry_opportunity& opportunity, double score) {
    all_.push_back({opportunity, score});
  }
  // Until the sink wants no more. What is beyond the maximum is counted as "trades_cut".
  void emit(OpportunitySink sink) {
    std::sort(all_.begin(), all_.end(), [](const Scored& a, const Scored& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.opportunity.key < b.opportunity.key;
    });
    if (all_.size() > opportunities_max_) {
      host_.count("trades_cut", all_.size() - opportunities_max_);
      all_.resize(opportunities_max_);
    }
    for (const Scored& scored : all_) {
      if (!sink.emit(scored.opportunity)) break;
    }
  }

 private:
  struct Scored {
    gantry_opportunity opportunity;
    double score;
  };

  Host host_;
  std::size_t opportunities_max_;
  std::vector<Scored> all_;
};

}  // namespace gantry::search
