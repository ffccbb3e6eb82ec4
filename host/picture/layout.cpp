#include "host/picture/layout.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace gantry::host {
namespace {

// Marks the edges that lead back to a node on the way from a root: without them there is no cycle.
class BackEdges {
 public:
  BackEdges(std::size_t nodes, std::vector<PlacedEdge>& edges)
      : edges_(edges), state_(nodes, State::unseen) {
    for (std::size_t i = 0; i < nodes; ++i) {
      if (state_[i] == State::unseen) visit(i);
    }
  }

 private:
  enum class State : std::int8_t { unseen = 0, open = 1, done = 2 };

  // As deep as the street has stages.
  void visit(std::size_t node) {
    state_[node] = State::open;
    for (PlacedEdge& edge : edges_) {
      if (edge.from != node) continue;
      if (state_[edge.to] == State::open) {
        edge.back = true;
      } else if (state_[edge.to] == State::unseen) {
        visit(edge.to);
      }
    }
    state_[node] = State::done;
  }

  std::vector<PlacedEdge>& edges_;
  std::vector<State> state_;
};

// One below the lowest that leads to it.
std::vector<std::size_t> longest_paths(std::size_t nodes, const std::vector<PlacedEdge>& edges) {
  std::vector<std::size_t> layer(nodes, 0);
  for (std::size_t round = 0; round < nodes; ++round) {
    bool changed = false;
    for (const PlacedEdge& edge : edges) {
      if (edge.back || layer[edge.to] > layer[edge.from]) continue;
      layer[edge.to] = layer[edge.from] + 1;
      changed = true;
    }
    if (!changed) break;
  }
  return layer;
}

// Gives every edge over several layers a waypoint in each, and every slot its place.
void fill_layers(std::size_t nodes, Layout& layout) {
  std::size_t depth = 0;
  for (const std::size_t layer : layout.layer_of) depth = std::max(depth, layer + 1);
  layout.layers.resize(depth);
  for (std::size_t i = 0; i < nodes; ++i) layout.layers[layout.layer_of[i]].push_back(i);
  for (PlacedEdge& edge : layout.edges) {
    if (edge.back) continue;
    for (std::size_t l = layout.layer_of[edge.from] + 1; l < layout.layer_of[edge.to]; ++l) {
      edge.slots.push_back(layout.layer_of.size());
      layout.layers[l].push_back(layout.layer_of.size());
      layout.layer_of.push_back(l);
    }
  }
}

// Sorts each layer by where its neighbours of the layer before stand: a few sweeps settle it.
void order_layers(Layout& layout) {
  constexpr int sweeps = 8;
  std::vector<std::pair<std::size_t, std::size_t>> links;  // upper slot, lower slot
  for (const PlacedEdge& edge : layout.edges) {
    if (edge.back) continue;
    std::size_t above = edge.from;
    for (const std::size_t slot : edge.slots) {
      links.emplace_back(above, slot);
      above = slot;
    }
    links.emplace_back(above, edge.to);
  }
  std::vector<double> place(layout.layer_of.size(), 0);
  const auto number = [&](const std::vector<std::size_t>& layer) {
    for (std::size_t i = 0; i < layer.size(); ++i) {
      place[layer[i]] = static_cast<double>(i) - static_cast<double>(layer.size() - 1) / 2;
    }
  };
  for (const auto& layer : layout.layers) number(layer);
  const auto sort_layer = [&](std::vector<std::size_t>& layer, bool downwards) {
    std::vector<double> wanted(place);
    for (const std::size_t slot : layer) {
      double sum = 0;
      double count = 0;
      for (const auto& [above, below] : links) {
        if ((downwards ? below : above) != slot) continue;
        sum += place[downwards ? above : below];
        count += 1;
      }
      if (count > 0) wanted[slot] = sum / count;
    }
    std::ranges::stable_sort(layer, {}, [&](std::size_t slot) { return wanted[slot]; });
    number(layer);
  };
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    if (sweep % 2 == 0) {
      for (auto& layer : layout.layers) sort_layer(layer, true);
    } else {
      for (std::size_t i = layout.layers.size(); i-- > 0;) sort_layer(layout.layers[i], false);
    }
  }
}

}  // namespace

Layout lay_out(const std::vector<StreetNode>& nodes) {
  Layout layout;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::size_t next : nodes[i].next) {
      if (next < nodes.size()) layout.edges.push_back({.from = i, .to = next});
    }
  }
  for (PlacedEdge& edge : layout.edges) edge.back = edge.from == edge.to;
  const BackEdges marked(nodes.size(), layout.edges);
  layout.layer_of = longest_paths(nodes.size(), layout.edges);
  fill_layers(nodes.size(), layout);
  order_layers(layout);
  return layout;
}

}  // namespace gantry::host
