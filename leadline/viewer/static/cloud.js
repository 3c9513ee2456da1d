// A point cloud to turn: drag to orbit, wheel to zoom. Plain WebGL, no library, no network.
function showCloud(canvas, positionsBase64, colorsBase64, start) {
  const bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) {
    canvas.replaceWith("This browser shows no WebGL; the same points are in the .ply file.");
    return;
  }
  const compile = (type, source) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    return shader;
  };
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl.VERTEX_SHADER, `
    attribute vec3 position; attribute vec3 color; uniform mat4 view; uniform float size; varying vec3 shade;
    void main() { gl_Position = view * vec4(position, 1.0); gl_PointSize = clamp(size / gl_Position.w, 1.5, 9.0); shade = color; }`));
  gl.attachShader(program, compile(gl.FRAGMENT_SHADER, `
    precision mediump float; varying vec3 shade; void main() { gl_FragColor = vec4(shade, 1.0); }`));
  gl.linkProgram(program);
  gl.useProgram(program);
  const positions = new Float32Array(bytes(positionsBase64).buffer);
  const attribute = (name, data, type, normalise) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 3, type, normalise, 0, 0);
  };
  attribute("position", positions, gl.FLOAT, false);
  attribute("color", bytes(colorsBase64), gl.UNSIGNED_BYTE, true);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.063, 0.078, 0.102, 1);

  const state = { ...start };
  // Orbit around start.target; points have x right, y down, z forward, so "up" is -y.
  function draw() {
    const width = canvas.clientWidth * devicePixelRatio, height = canvas.clientHeight * devicePixelRatio;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [cy, sy, cp, sp] = [Math.cos(state.yaw), Math.sin(state.yaw), Math.cos(state.pitch), Math.sin(state.pitch)];
    const forward = [sy * cp, sp, cy * cp], right = [cy, 0, -sy];
    const down = [-sy * sp, cp, -cy * sp];
    const eye = state.target.map((t, i) => t - forward[i] * state.radius);
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const f = 1.6, near = state.radius * 0.01 + 0.01, far = state.radius * 20 + 200;
    const rows = [right, down, forward].map((axis) => [...axis, -dot(axis, eye)]);
    const [r, d, z] = rows, a = f * height / width;
    const matrix = new Float32Array(16);
    for (let c = 0; c < 4; c++) {
      matrix[c * 4] = a * r[c];
      matrix[c * 4 + 1] = -f * d[c];
      matrix[c * 4 + 2] = ((far + near) / (far - near)) * z[c] - (c === 3 ? (2 * far * near) / (far - near) : 0);
      matrix[c * 4 + 3] = z[c];
    }
    gl.uniformMatrix4fv(gl.getUniformLocation(program, "view"), false, matrix);
    gl.uniform1f(gl.getUniformLocation(program, "size"), state.pointSize * height);
    gl.drawArrays(gl.POINTS, 0, positions.length / 3);
  }
  let last = null;
  canvas.addEventListener("pointerdown", (e) => { last = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("pointermove", (e) => {
    if (!last) return;
    state.yaw += (e.clientX - last[0]) * 0.006;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch - (e.clientY - last[1]) * 0.006));
    last = [e.clientX, e.clientY];
    draw();
  });
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); state.radius *= Math.exp(e.deltaY * 0.001); draw(); }, { passive: false });
  addEventListener("resize", draw);
  draw();
}
