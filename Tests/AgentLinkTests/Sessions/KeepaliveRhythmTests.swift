import Testing

@testable import AgentLink

@Suite("Keep-alive rhythm")
struct KeepaliveRhythmTests {
    @Test("ten thousand agents that attach at once get their keep-alives evenly spread over the interval")
    func spread() {
        var parts = [Int](repeating: 0, count: 20)
        for id in Int64(1)...10_000 {
            let first = KeepaliveRhythm.first(server: id, every: .seconds(20))
            #expect(first >= .zero)
            #expect(first < .seconds(20))
            parts[Int(first.components.seconds)] += 1
        }
        #expect(parts.allSatisfy { (450...550).contains($0) }, "keep-alives in each second: \(parts)")
    }

    @Test("a server keeps its place, whatever the interval")
    func place() {
        let twenty = KeepaliveRhythm.first(server: 7, every: .seconds(20))
        #expect(KeepaliveRhythm.first(server: 7, every: .seconds(20)) == twenty)
        #expect(KeepaliveRhythm.first(server: 7, every: .seconds(10)) * 2 == twenty)
        #expect(KeepaliveRhythm.first(server: 7, every: .zero) == .zero)
    }
}
