import Glibc
import Testing

@testable import Logging

@Suite("Lines on their way to a descriptor", .serialized, .timeLimit(.minutes(5)))
struct LineSinkTests {
    @Test("lines arrive whole and in order, many in one write")
    func order() throws {
        let pipe = try Pipe()
        let sink = LineSink(descriptor: pipe.writer, pause: .milliseconds(50))
        sink.write("first")
        sink.flush()
        #expect(pipe.read() == "first\n")
        for number in 1...1000 { sink.write("line \(number)") }
        sink.flush()
        #expect(pipe.read() == (1...1000).map { "line \($0)\n" }.joined())
    }

    @Test("a reader that does not read holds nobody up; what did not fit is counted and told later")
    func slowReader() throws {
        let pipe = try Pipe()
        let sink = LineSink(descriptor: pipe.writer, capacity: 10_000)
        let line = String(repeating: "x", count: 99)
        let began = ContinuousClock.now
        for _ in 0..<5000 { sink.write(line) }
        #expect(began.duration(to: .now) < .seconds(2))
        var unfinished = ""
        var told = 0
        var whole = 0
        while told + whole < 5000 {
            var parts = (unfinished + pipe.read()).split(separator: "\n", omittingEmptySubsequences: false)
            unfinished = String(parts.removeLast())
            for part in parts {
                if let number = part.wholeMatch(of: /(\d+) log lines dropped/)?.1 {
                    told += try #require(Int(number))
                } else {
                    #expect(part == line)
                    whole += 1
                }
            }
        }
        #expect(told > 0)
        #expect(whole > 0)
        #expect(told + whole == 5000)
        sink.write("after")
        #expect(unfinished + pipe.read() == "after\n")
    }

    @Test("a line takes all that is left of the buffer, and not a byte more")
    func capacity() throws {
        let pipe = try Pipe()
        try pipe.fill()
        let sink = LineSink(descriptor: pipe.writer, capacity: 100)
        // The thread takes it and waits for the reader.
        sink.write("taken")
        while sink.hasWaiting { usleep(1000) }
        sink.write(String(repeating: "a", count: 49))
        sink.write(String(repeating: "b", count: 50))
        sink.write(String(repeating: "c", count: 49))
        pipe.drain()
        var text = ""
        while !text.contains("dropped\n") { text += pipe.read() }
        #expect(!text.contains("b"))
        #expect(text.hasSuffix("1 log lines dropped\n"))
        #expect(text.contains("a\n"))
        #expect(text.contains("c\n"))
    }

    @Test("a reader that went away neither ends the process nor holds up its end")
    func goneReader() throws {
        let pipe = try Pipe()
        let sink = LineSink(descriptor: pipe.writer)
        pipe.closeReader()
        let began = ContinuousClock.now
        sink.write("into nothing")
        sink.flush()
        sink.write("again")
        sink.flush()
        #expect(began.duration(to: .now) < .seconds(1))
    }

    @Test("a full disk loses lines; when there is room again it is told how many")
    func fullDisk() throws {
        let full = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        defer { close(full) }
        let pipe = try Pipe()
        let sink = LineSink(descriptor: full)
        sink.describeDropped { "lost: \($0)" }
        for _ in 0..<3 {
            sink.write("lost")
            sink.flush()
        }
        #expect(dup2(pipe.writer, full) >= 0)
        sink.write("written")
        sink.flush()
        #expect(pipe.read() == "written\nlost: 3\n")
    }

    @Test("a descriptor that does not wait is waited for")
    func nonBlocking() throws {
        let pipe = try Pipe()
        #expect(fcntl(pipe.writer, F_SETFL, O_NONBLOCK) == 0)
        let sink = LineSink(descriptor: pipe.writer, capacity: 1 << 20)
        let line = String(repeating: "y", count: 999)
        for _ in 0..<300 { sink.write(line) }
        var text = ""
        while text.utf8.count < 300_000 { text += pipe.read() }
        #expect(text.split(separator: "\n").allSatisfy { $0 == line })
    }

    @Test("a flush waits no longer than it is told")
    func bounded() throws {
        let pipe = try Pipe()
        try pipe.fill()
        let sink = LineSink(descriptor: pipe.writer)
        sink.write("stuck")
        let began = ContinuousClock.now
        sink.flush(within: .milliseconds(100))
        #expect(began.duration(to: .now) >= .milliseconds(100))
        #expect(began.duration(to: .now) < .seconds(5))
        pipe.drain()
        sink.flush()
    }
}

/// A pipe whose ends belong to a test. Left open: a sink's thread may still hold the writing end.
private final class Pipe {
    let reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        reader = ends[0]
        writer = ends[1]
    }

    /// What is there; waits for something.
    func read() -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 17)
        let count = unsafe Glibc.read(reader, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    func fill() throws {
        let flags = fcntl(writer, F_GETFL)
        #expect(fcntl(writer, F_SETFL, flags | O_NONBLOCK) == 0)
        let byte: [UInt8] = [UInt8(ascii: ".")]
        while unsafe Glibc.write(writer, byte, 1) == 1 {}
        #expect(fcntl(writer, F_SETFL, flags) == 0)
    }

    /// Reads what `fill` wrote.
    func drain() {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var left = 1 << 16
        while left > 0 {
            let count = unsafe Glibc.read(reader, &bytes, left)
            guard count > 0 else { return }
            left -= count
        }
    }

    func closeReader() { close(reader) }
}
