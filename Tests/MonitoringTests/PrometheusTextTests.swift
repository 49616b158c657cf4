import Testing

@testable import Monitoring

@Suite struct PrometheusTextTests {
    @Test func familiesAreWrittenWithHelpAndType() {
        var text = PrometheusText()
        text.family("calls_total", .counter, "Calls.") {
            $0.sample(3, labels: [("tool", "server.exec"), ("outcome", "ok")])
            $0.sample(0.5, suffix: "_sum")
        }
        text.family("nothing", .gauge, "Never there.") { _ in }
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == """
                # HELP calls_total Calls.
                # TYPE calls_total counter
                calls_total{tool="server.exec",outcome="ok"} 3
                calls_total_sum 0.5

                """)
    }

    @Test func whatIsSpecialInALabelIsEscaped() {
        var text = PrometheusText()
        text.family("a", .gauge, "A.") { $0.sample(.infinity, labels: [("b", "\"\\\n")]) }
        #expect(String(decoding: text.bytes, as: UTF8.self).hasSuffix("a{b=\"\\\"\\\\\\n\"} +Inf\n"))
    }
}
