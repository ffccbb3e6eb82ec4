#include "host/picture/picture.hpp"

#include <catch2/catch.hpp>

#include "host/picture/layout.hpp"
#include "host/report/terminal.hpp"

using namespace gantry::host;

namespace {

// feed -> apply -> two strategies -> merge -> end, back to a strategy, and one edge over layers.
std::vector<StreetNode> sample() {
  return {{"feed", "serial", {1}},         {"apply", "serial", {2, 3, 4}},
          {"one <&\"", "a strategy", {4}}, {"two", "a strategy", {4}},
          {"merge", "serial", {5}},        {"end", "", {2}}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("every edge but those that lead back goes down, with a waypoint in each layer between") {
  const auto nodes = sample();
  const Layout layout = lay_out(nodes);
  REQUIRE(layout.edges.size() == 8);
  std::size_t back = 0;
  for (const PlacedEdge& edge : layout.edges) {
    back += edge.back ? 1U : 0U;
    if (edge.back) continue;
    REQUIRE(layout.layer_of[edge.to] > layout.layer_of[edge.from]);
    CHECK(edge.slots.size() == layout.layer_of[edge.to] - layout.layer_of[edge.from] - 1);
  }
  CHECK(back == 1);
  std::vector<int> seen(layout.layer_of.size(), 0);
  for (std::size_t l = 0; l < layout.layers.size(); ++l) {
    for (const std::size_t slot : layout.layers[l]) {
      CHECK(layout.layer_of[slot] == l);
      ++seen[slot];
    }
  }
  CHECK(std::ranges::all_of(seen, [](int times) { return times == 1; }));
}

TEST_CASE("a node that leads to itself, a dangling edge and no node at all are drawn") {
  CHECK(lay_out({{"a", "", {0, 7}}}).edges.size() == 1);
  CHECK(lay_out({{"a", "", {0}}}).edges[0].back);
  CHECK(picture_svg({}).find("</svg>") != std::string::npos);
  CHECK(picture_text({}).empty());
}

TEST_CASE("text, dot and SVG show every node and edge, with names escaped") {
  const auto nodes = sample();
  const std::string text = picture_text(nodes);
  for (const StreetNode& node : nodes) CHECK(text.find(node.name) != std::string::npos);
  CHECK(count(text, "↓") == 7);
  CHECK(count(text, "↑ back to") == 1);

  const std::string dot = picture_dot(nodes);
  CHECK(count(dot, " -> ") == 8);
  CHECK(dot.find(R"(label="one <&\"")") != std::string::npos);

  const std::string svg = picture_svg(nodes);
  CHECK(count(svg, "<rect x=") == 6);
  CHECK(count(svg, "marker-end=") == 8);
  CHECK(count(svg, "stroke-dasharray") == 1);
  CHECK(svg.find("one &lt;&amp;&quot;") != std::string::npos);
  CHECK(svg.find("one <") == std::string::npos);
}

TEST_CASE("a name from outside cannot bring control characters into a picture") {
  const std::vector<StreetNode> nodes = {{"\x1b[2J\u202E", "a\nb", {}}};
  for (const std::string& picture : {picture_text(nodes), picture_dot(nodes), picture_svg(nodes)}) {
    CHECK(picture.find('\x1b') == std::string::npos);
    CHECK(picture.find("\u202E") == std::string::npos);
  }
}
