import Primitives
import Testing

@Suite("The program's code in memory")
struct ProgramCodeTests {
    /// Pages of files that this process has in memory.
    private var filePages: Int {
        get throws {
            let text = String(decoding: try AtomicFile.read("/proc/self/statm", limit: 4096), as: UTF8.self)
            return try #require(Int(text.split(separator: " ")[2]))
        }
    }

    @Test("what is given back is no longer counted, and runs as before")
    func release() throws {
        let before = try filePages
        ProgramCode.release()
        #expect(try filePages < before)
        #expect((1...100).map { "\($0)" }.joined().utf8.count == 192)
    }
}
