// What a strategy emits of one snapshot: the best first, and no more than so many.
//
// THREADS  One at a time. Allocates in reserve(), and in add() beyond what was reserved.
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "gantry/strategy.hpp"

namespace gantry::search {

class BestFirst {
 public:
  BestFirst(Host host, std::size_t opportunities_max)
      : host_(host), opportunities_max_(opportunities_max) {}

  // Room for so many; for twice what is emitted, as least() leaves no more than once.
  void reserve(std::size_t count) { all_.reserve(count); }
  void reserve() { all_.reserve(2 * opportunities_max_); }
  void clear() {
    all_.clear();
    cut_ = 0;
  }
  // The higher score comes first; among equal ones the lower key.
  void add(const gantry_opportunity& opportunity, double score) {
    all_.push_back({opportunity, score});
  }
  // The score that another one has to exceed to be emitted. What is beyond the maximum is let go.
  double least() {
    if (all_.size() < opportunities_max_) return -std::numeric_limits<double>::infinity();
    keep_best();
    return all_.empty() ? std::numeric_limits<double>::infinity() : all_.back().score;
  }
  // Until the sink wants no more. What is beyond the maximum is counted as "trades_cut".
  void emit(OpportunitySink sink) {
    keep_best();
    if (cut_ > 0) host_.count("trades_cut", cut_);
    for (const Scored& scored : all_) {
      if (!sink.emit(scored.opportunity)) break;
    }
  }

 private:
  struct Scored {
    gantry_opportunity opportunity;
    double score;
  };

  void keep_best() {
    std::sort(all_.begin(), all_.end(), [](const Scored& a, const Scored& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.opportunity.key < b.opportunity.key;
    });
    if (all_.size() <= opportunities_max_) return;
    cut_ += all_.size() - opportunities_max_;
    all_.resize(opportunities_max_);
  }

  Host host_;
  std::size_t opportunities_max_;
  std::vector<Scored> all_;
  std::size_t cut_ = 0;
};

}  // namespace gantry::search
