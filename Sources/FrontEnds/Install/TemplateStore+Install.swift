import CLinux
import Glibc
import Primitives

extension TemplateStore {
    /// Installs a front end, or replaces the one of that name: whoever is served meanwhile gets the old files or the new
    /// ones, and a failure changes nothing.
    /// - Parameters:
    ///   - source: a zip file or a folder with `index.html` at its top, or in the only folder there.
    ///   - isTold: asked last, when all is ready; nothing is changed where it says no.
    package func add(
        _ source: String, as name: TemplateName, isAdmin: Bool, limits: InstallLimits = InstallLimits(),
        isTold: (InstalledTemplate) -> Bool = { _ in true }
    ) throws(TemplateError) -> InstalledTemplate {
        var status = linux_status()
        guard unsafe linux_status_at(AT_FDCWD, source, 1, &status) == 0 else {
            throw .unreadable(source, reason: SystemCallError.last.reason)
        }
        if status.mode & S_IFMT == S_IFDIR {
            var files = FolderSource(source)
            return try install(&files, name, isAdmin, limits, isTold)
        }
        guard status.mode & S_IFMT == S_IFREG else {
            throw .unreadable(source, reason: "neither a folder nor a zip file")
        }
        var files = try ZipSource(source)
        return try install(&files, name, isAdmin, limits, isTold)
    }

    package func remove(_ name: TemplateName) throws(TemplateError) {
        guard template(name) != nil else { throw .notInstalled(name.description) }
        // Out of sight in one step, and then file by file.
        let empty = try StagingFolder(in: folder, InstallLimits())
        try empty.replace(path(of: name))
        guard unsafe rmdir(path(of: name)) == 0 else { throw .cannotWrite(path(of: name), .last) }
    }

    private func install<Source: FileSource & ~Copyable>(
        _ source: inout Source, _ name: TemplateName, _ isAdmin: Bool, _ limits: InstallLimits,
        _ isTold: (InstalledTemplate) -> Bool
    ) throws(TemplateError) -> InstalledTemplate {
        var paths: [EntryPath] = []
        try source.forEachFile(limits) { (path, _) throws(TemplateError) in
            guard paths.count < limits.files else { throw .tooMuch("\(limits.files) files") }
            paths.append(path)
        }
        let top = try Self.top(of: paths)
        var staging = try StagingFolder(in: folder, limits)
        try source.forEachFile(limits) { (path, read) throws(TemplateError) in
            guard let target = top ? path.belowFirst : path else { return }
            try staging.add(target, read)
        }
        let template = InstalledTemplate(name: name, isAdmin: isAdmin, files: staging.files, bytes: staging.bytes)
        try staging.note(template)
        guard isTold(template) else { throw .notTold }
        try staging.replace(path(of: name))
        return template
    }

    /// Whether everything lies in one folder, which is the front end then.
    private static func top(of paths: [EntryPath]) throws(TemplateError) -> Bool {
        func isIndex(_ path: EntryPath) -> Bool {
            path.segments.count == 1 && path.segments[0].utf8.elementsEqual("index.html".utf8)
        }
        if paths.contains(where: isIndex) { return false }
        guard let first = paths.first?.segments[0],
            paths.allSatisfy({ $0.segments.count > 1 && $0.segments[0].utf8.elementsEqual(first.utf8) }),
            paths.contains(where: { $0.belowFirst.map(isIndex) ?? false })
        else { throw .noIndex }
        return true
    }
}
