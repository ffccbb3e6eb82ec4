// Layers a directed graph for drawing, after Sugiyama: edges that close a cycle are set aside, each
// node goes below all that lead to it, and layers are ordered so that few edges cross.
#pragma once
#include <cstddef>
#include <vector>

#include "host/street/street.hpp"

namespace gantry::host {

struct PlacedEdge {
  std::size_t from = 0;
  std::size_t to = 0;
  bool back = false;               // leads to the same layer or up
  std::vector<std::size_t> slots;  // of its waypoints, one in each layer between
};

struct Layout {
  // Each layer's slots from left to right: nodes first by number, then waypoints (>= nodes).
  std::vector<std::vector<std::size_t>> layers;
  std::vector<std::size_t> layer_of;  // by slot
  std::vector<PlacedEdge> edges;
};

// Edges to nodes that do not exist are left out.
Layout lay_out(const std::vector<StreetNode>& nodes);

}  // namespace gantry::host
