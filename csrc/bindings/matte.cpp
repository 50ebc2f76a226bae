// Bindings of csrc/matte. Arrays are viewed, never copied; results go into arrays of the caller; the GIL is released.
#include <pybind11/numpy.h>

#include <stdexcept>
#include <string>

#include "bindings/register.h"
#include "matte/confidence.h"
#include "matte/guided.h"

namespace py = pybind11;

namespace iph {
namespace {

using Bytes = py::array_t<uint8_t>;
using Floats = py::array_t<float>;

void require(bool good, const char* name, const char* expected) {
  if (!good) throw py::value_error(std::string(name) + " must be " + expected);
}

template <class T>
bool packed(const py::array_t<T>& array) {
  return (array.flags() & py::array::c_style) != 0;
}

// Pixels of a row lie side by side; rows may lie apart.
bool rows_packed(const Bytes& array, py::ssize_t pixel) {
  return array.strides(1) == pixel && (array.ndim() == 2 || array.strides(2) == 1);
}

void check_grid(const Bytes& guide, const Floats& confidence) {
  require(confidence.ndim() == 2 && confidence.size() > 0 && packed(confidence), "confidence", "(h, w) float32, C-contiguous, not empty");
  require(guide.ndim() == 3 && guide.shape(0) == confidence.shape(0) && guide.shape(1) == confidence.shape(1) && guide.shape(2) == 3 &&
              packed(guide),
          "guide", "(h, w, 3) uint8, C-contiguous, of the size of confidence");
}

void coefficients_of(const Bytes& guide, const Floats& confidence, Floats& out, int radius, float epsilon, float trust) {
  check_grid(guide, confidence);
  require(out.ndim() == 3 && out.shape(0) == 4 && out.shape(1) == confidence.shape(0) && out.shape(2) == confidence.shape(1) && packed(out),
          "out", "(4, h, w) float32, C-contiguous");
  require(radius >= 1 && radius <= kMaxRadius, "radius", "1 to 15");
  require(epsilon > 0.0f && trust >= 0.0f, "epsilon and trust", "> 0 and >= 0");
  const uint8_t* guide_data = guide.data();
  const float* confidence_data = confidence.data();
  float* out_data = out.mutable_data();
  const int h = static_cast<int>(confidence.shape(0)), w = static_cast<int>(confidence.shape(1));
  py::gil_scoped_release released;
  guided_coefficients(guide_data, confidence_data, h, w, radius, epsilon, trust, out_data);
}

void alpha_of(const Bytes& frame, const Floats& coefficients, Bytes& out, float low, float high, int threads) {
  require(frame.ndim() == 3 && frame.size() > 0 && frame.shape(2) == 3 && rows_packed(frame, 3), "frame",
          "(H, W, 3) uint8 with packed pixels, not empty");
  require(coefficients.ndim() == 3 && coefficients.shape(0) == 4 && coefficients.size() > 0 && packed(coefficients), "coefficients",
          "(4, h, w) float32, C-contiguous, not empty");
  require(out.ndim() == 2 && out.shape(0) == frame.shape(0) && out.shape(1) == frame.shape(1) && rows_packed(out, 1), "out",
          "(H, W) uint8 of the frame's size");
  require(0.0f <= low && low < high && high <= 1.0f, "low and high", "0 <= low < high <= 1");
  AlphaJob job{frame.data(), frame.strides(0), static_cast<int>(frame.shape(0)), static_cast<int>(frame.shape(1)), coefficients.data(),
               static_cast<int>(coefficients.shape(1)), static_cast<int>(coefficients.shape(2)), low, high, out.mutable_data(),
               out.strides(0)};
  py::gil_scoped_release released;
  guided_alpha(job, threads);
}

void clean(Floats& confidence, float floor, float keep_fraction, int max_hole) {
  require(confidence.ndim() == 2 && confidence.size() > 0 && packed(confidence), "confidence", "(h, w) float32, C-contiguous, not empty");
  float* data = confidence.mutable_data();
  const int h = static_cast<int>(confidence.shape(0)), w = static_cast<int>(confidence.shape(1));
  py::gil_scoped_release released;
  clean_confidence(data, h, w, floor, keep_fraction, max_hole);
}

void steady(Floats& confidence, const Bytes& guide, float rest, float motion_low, float motion_high, Floats& confidence_state,
            Floats& guide_state) {
  check_grid(guide, confidence);
  require(confidence_state.ndim() == 2 && confidence_state.shape(0) == confidence.shape(0) &&
              confidence_state.shape(1) == confidence.shape(1) && packed(confidence_state),
          "confidence_state", "(h, w) float32, C-contiguous");
  require(guide_state.ndim() == 3 && guide_state.shape(0) == confidence.shape(0) && guide_state.shape(1) == confidence.shape(1) &&
              guide_state.shape(2) == 3 && packed(guide_state),
          "guide_state", "(h, w, 3) float32, C-contiguous");
  require(0.0f <= rest && rest <= 1.0f && motion_low < motion_high, "rest, motion_low, motion_high",
          "0 <= rest <= 1 and motion_low < motion_high");
  float *data = confidence.mutable_data(), *state = confidence_state.mutable_data(), *guides = guide_state.mutable_data();
  const uint8_t* guide_data = guide.data();
  const int h = static_cast<int>(confidence.shape(0)), w = static_cast<int>(confidence.shape(1));
  py::gil_scoped_release released;
  steady_confidence(data, guide_data, h, w, rest, motion_low, motion_high, state, guides);
}

}  // namespace

void register_matte(py::module_& m) {
  m.def("guided_coefficients", &coefficients_of, py::arg("guide").noconvert(), py::arg("confidence").noconvert(),
        py::arg("out").noconvert(), py::kw_only(), py::arg("radius"), py::arg("epsilon"), py::arg("trust"),
        "Colour guided filter of a confidence (h, w) by a guide (h, w, 3): coefficients (4, h, w) of alpha = a . I + b, I in [0, 1].");
  m.def("guided_alpha", &alpha_of, py::arg("frame").noconvert(), py::arg("coefficients").noconvert(), py::arg("out").noconvert(),
        py::kw_only(), py::arg("low"), py::arg("high"), py::arg("threads"),
        "Upsamples the coefficients and evaluates them at every pixel: out = 255 * clamp((a . I + b - low) / (high - low)).");
  m.def("clean_confidence", &clean, py::arg("confidence").noconvert(), py::kw_only(), py::arg("floor"), py::arg("keep_fraction"),
        py::arg("max_hole"), "Removes small parts and fills small holes, in place.");
  m.def("steady_confidence", &steady, py::arg("confidence").noconvert(), py::arg("guide").noconvert(), py::kw_only(), py::arg("rest"),
        py::arg("motion_low"), py::arg("motion_high"), py::arg("confidence_state").noconvert(), py::arg("guide_state").noconvert(),
        "Steadies a confidence over time where the picture stands still, in place; the states take the result.");
}

}  // namespace iph
