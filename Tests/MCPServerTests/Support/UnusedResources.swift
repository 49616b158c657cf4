import Storage

/// For storages of tests that keep nothing with a form.
struct UnusedResources: ResourceStore {
    func repository<Content: Form>(of form: Content.Type) -> any ResourceRepository<Content> {
        fatalError("a test asked for rows of \(form.table)")
    }
}
