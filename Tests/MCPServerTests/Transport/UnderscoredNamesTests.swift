import JSON
import Testing

@testable import MCPServer

@Suite("Names of tools in texts, spelt with underscores") struct UnderscoredNamesTests {
    private let names = UnderscoredNames(["fs.read", "fs.read_url", "server.exec", "server.exec.many", "plain"])

    @Test("each name is found wherever it stands, the longest one first; other dots stay")
    func found() {
        for (text, expected) in [
            ("fs.read", "fs_read"), ("afs.readb fs.rea fs.read", "afs_readb fs.rea fs_read"),
            ("server.exec.many, server.exec.man", "server_exec_many, server_exec.man"),
            ("fs.read_url.fs.read.", "fs_read_url.fs_read."), ("no dot in fs_read", "no dot in fs_read"), ("", ""),
            ("é.fs.read…", "é.fs_read…"),
        ] {
            #expect(names.replaced(in: text) == expected)
        }
    }

    @Test("texts of a document change at any depth, names of members and numbers do not")
    func document() {
        let value: JSONValue = ["fs.read": ["fs.read", 1.5, ["x": "use server.exec"], nil, true]]
        #expect(names.replaced(in: value) == ["fs.read": ["fs_read", 1.5, ["x": "use server_exec"], nil, true]])
    }
}
